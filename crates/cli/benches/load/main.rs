//! A minute of kubectl-like traffic beside watchers: `cargo bench -p entryway-cli --bench load`.
//!
//! `entryway up` runs as a process of its own; this process is all its clients, on the same processors. Requests are
//! due at fixed times, whether or not those before them have been answered (an open loop), and a latency counts from
//! the time when the request was due. At the end every watcher of a namespace must have seen the same events, in
//! order, and exactly the ones that the writers were acknowledged. Then a namespace of 10,000 objects is listed in
//! pages.
//!
//! `-- SECONDS RATE WATCHERS` changes the measure: 60, 500 and 200.

#![expect(clippy::print_stdout, reason = "a bench prints what it measured")]

mod client;
mod pages;
mod plane;
mod traffic;
mod watcher;

use std::sync::Arc;
use std::time::{Duration, Instant};

use plane::Plane;
use traffic::{Kind, Outcome};
use watcher::{Seen, Watcher};

/// What every step fails with.
pub(crate) type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Namespaces that traffic and watchers are spread over.
pub(crate) const NAMESPACES: usize = 5;
/// Streams of one connection, as an informer's process has.
const WATCHERS_A_CONNECTION: usize = 5;

/// The measure.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Measure {
    /// How long requests are sent.
    pub(crate) seconds: u64,
    /// Requests a second.
    pub(crate) rate: u64,
    /// How many watch.
    pub(crate) watchers: usize,
}

impl Measure {
    fn of_arguments() -> Result<Measure, Failure> {
        // Cargo adds `--bench`.
        let given = std::env::args().skip(1).filter(|argument| !argument.starts_with("--"));
        let numbers = given.map(|number| number.parse::<u64>()).collect::<Result<Vec<_>, _>>()?;
        let nth = |index: usize, default: u64| numbers.get(index).copied().unwrap_or(default);
        Ok(Measure { seconds: nth(0, 60), rate: nth(1, 500), watchers: usize::try_from(nth(2, 200))? })
    }
}

async fn measure(measure: Measure) -> Result<(), Failure> {
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    println!("load of the machine    {}", load.split(' ').next().unwrap_or_default());
    println!("{} watchers, {} requests a second for {} s", measure.watchers, measure.rate, measure.seconds);
    let folder = tempfile::tempdir()?;
    let plane = Arc::new(Plane::start(&folder.path().join("data")).await?);
    let since = plane.furnish().await?;

    let mut watchers = Vec::new();
    for number in 0..measure.watchers {
        let user = plane.user(number / WATCHERS_A_CONNECTION);
        let connection = if number % WATCHERS_A_CONNECTION == 0 {
            client::Connection::open(&plane.target).await?
        } else {
            watchers.last().map(|watcher: &Watcher| watcher.connection.clone()).ok_or("no watcher")?
        };
        watchers.push(Watcher::start(number, connection, user, &since).await?);
    }
    println!("                       resident     without the binary's pages     processor time so far");
    plane.show_memory("at the start")?;
    let middle = {
        let plane = Arc::clone(&plane);
        let half = Duration::from_secs(measure.seconds) / 2;
        tokio::spawn(async move {
            tokio::time::sleep(half).await;
            plane.show_memory("in the middle").map_err(|error| error.to_string())
        })
    };
    let began = Instant::now();
    let outcome = traffic::run(&plane, measure).await?;
    plane.show_memory("at the end")?;
    middle.await??;
    let last = plane.finish().await?;
    let mut seen = Vec::new();
    for watcher in watchers {
        seen.push(watcher.finish(&last).await?);
    }
    report(&outcome, began);
    compare(&outcome, &seen)?;
    pages::measure(&plane).await?;
    plane.stop()
}

fn report(outcome: &Outcome, began: Instant) {
    println!("{} requests, {} failed", outcome.latencies.len(), outcome.failures.len());
    for failure in outcome.failures.iter().take(10) {
        println!("  {failure}");
    }
    println!("                          p50        p99        most");
    let show = |name: &str, mut times: Vec<Duration>| {
        times.sort_unstable();
        let at = |part: usize| times.get(times.len() * part / 1000).or(times.last()).copied().unwrap_or_default();
        let ms = |part: usize| at(part).as_secs_f64() * 1000.0;
        println!("{name:18} {:7.2} ms {:7.2} ms {:7.1} ms", ms(500), ms(990), ms(1000));
    };
    for kind in Kind::ALL {
        let of_kind = outcome.latencies.iter().filter(|(of, _)| *of == kind);
        show(kind.name(), of_kind.map(|(_, took)| *took).collect());
    }
    show("all", outcome.latencies.iter().map(|(_, took)| *took).collect());
    println!("the last was answered after {:.1} s", (outcome.ended - began).as_secs_f64());
}

/// Every watcher of a namespace has seen the same, and what was acknowledged.
fn compare(outcome: &Outcome, seen: &[Seen]) -> Result<(), Failure> {
    let mut delays = Vec::new();
    for namespace in 0..NAMESPACES {
        let mut of_namespace = seen.iter().filter(|seen| seen.namespace == namespace);
        let Some(first) = of_namespace.next() else { continue };
        if let Some(other) = of_namespace.find(|other| !other.same_events(first)) {
            return Err(format!("watchers {} and {} have not seen the same", first.number, other.number).into());
        }
        first.check(namespace, &outcome.written)?;
    }
    for one in seen {
        delays.extend(one.delays(&outcome.written));
    }
    delays.sort_unstable();
    let ms = |part: usize| {
        let at = delays.get(delays.len() * part / 1000).or(delays.last()).copied().unwrap_or_default();
        at.as_secs_f64() * 1000.0
    };
    println!("{} events, all in order and none missing", seen.iter().map(|seen| seen.events.len()).sum::<usize>());
    println!(
        "from sending the write to the watcher: p50 {:.2} ms, p99 {:.2} ms, most {:.1} ms",
        ms(500),
        ms(990),
        ms(1000)
    );
    if outcome.failures.is_empty() { Ok(()) } else { Err("requests failed".into()) }
}

fn main() -> Result<(), Failure> {
    let given = Measure::of_arguments()?;
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?.block_on(measure(given))
}
