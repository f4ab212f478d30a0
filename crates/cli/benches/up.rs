//! How soon `entryway up` is ready, and what it takes: `cargo bench -p entryway-cli --bench up`.
//!
//! Ready is when the line of `up -q` arrives, before which nothing is promised and after which everything answers:
//! the first start on an empty folder (identities, certificates, keys, a cluster), later ones on what is there after
//! a clean stop, and after `kill -9`. Memory is the resident set (`VmRSS`) a second after that, with one cluster, which
//! counts the pages of the binary that were read, too. Beside them: what the binary needs to start at all
//! (`entryway version`). `TMPDIR` names the folder of the data.

#![expect(clippy::print_stdout, reason = "a bench prints what it measured")]

use std::error::Error;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

type Failure = Box<dyn Error>;

const ENTRYWAY: &str = env!("CARGO_BIN_EXE_entryway");
const ROUNDS: usize = 15;

/// Starts; returns when it is ready, with the time that took.
fn up(data: &Path) -> Result<(Child, Duration), Failure> {
    let began = Instant::now();
    let mut child = Command::new(ENTRYWAY)
        .args(["up", "-q", "--listen", "127.0.0.1:0", "--data"])
        .arg(data)
        .stdout(Stdio::piped())
        .spawn()?;
    let mut line = String::new();
    BufReader::new(child.stdout.take().ok_or("no stdout")?).read_line(&mut line)?;
    let took = began.elapsed();
    if line.starts_with('{') { Ok((child, took)) } else { Err(format!("not ready: {line}").into()) }
}

fn stop(mut child: Child) -> Result<Duration, Failure> {
    let began = Instant::now();
    rustix::process::kill_process(rustix::process::Pid::from_child(&child), rustix::process::Signal::TERM)?;
    child.wait()?;
    Ok(began.elapsed())
}

/// A line of `/proc/PID/status` in MiB.
fn memory(child: &Child, name: &str) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    line.and_then(|rest| rest.split_whitespace().next()?.parse::<f64>().ok()).unwrap_or_default() / 1024.0
}

fn show(what: &str, mut times: Vec<Duration>) {
    times.sort_unstable();
    let at = |index: usize| times.get(index).copied().unwrap_or_default().as_secs_f64() * 1000.0;
    println!(
        "{what:32} {:6.1} ms, best {:.1}, worst {:.1}",
        at(times.len() / 2),
        at(0),
        at(times.len().saturating_sub(1))
    );
}

fn main() -> Result<(), Failure> {
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    println!("load of the machine              {}", load.split(' ').next().unwrap_or_default());
    let (mut alone, mut first, mut later, mut killed, mut stops) = (vec![], vec![], vec![], vec![], vec![]);
    for _ in 0..ROUNDS {
        let began = Instant::now();
        Command::new(ENTRYWAY).args(["version", "-o", "name"]).stdout(Stdio::null()).status()?;
        alone.push(began.elapsed());
        let folder = tempfile::tempdir()?;
        let (child, took) = up(&folder.path().join("data"))?;
        first.push(took);
        stop(child)?;
        let (mut child, took) = up(&folder.path().join("data"))?;
        later.push(took);
        child.kill()?;
        child.wait()?;
        let (child, took) = up(&folder.path().join("data"))?;
        killed.push(took);
        stops.push(stop(child)?);
    }
    show("the binary alone (`version`)", alone);
    show("first start, to ready", first);
    show("later start, to ready", later);
    show("start after kill -9, to ready", killed);
    show("stop", stops);
    let folder = tempfile::tempdir()?;
    for what in ["first start", "later start"] {
        let (child, _) = up(&folder.path().join("data"))?;
        std::thread::sleep(Duration::from_secs(1));
        let [rss, own] = ["VmRSS", "RssAnon"].map(|name| memory(&child, name));
        println!("idle memory, {what:19} {rss:6.1} MiB resident, {own:.1} of it not the binary's");
        stop(child)?;
    }
    Ok(())
}
