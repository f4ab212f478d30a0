//! How long `entryway plan` takes over a fleet: `cargo bench -p entryway-cli --bench plan`.
//!
//! 100 clusters with 200 access entries each, made by `entryway apply` on an `entryway up` of this machine, then
//! planned: as they are (nothing to do), and with one more principal on every cluster. Time is that of the whole
//! command, reading the file and printing included; control plane and command share the processors. The calls are
//! those that the control plane's `/metrics` counts. Each is measured twice: with Entryway's own call that tells of all
//! entries of a cluster, and with EKS's calls alone, as on EKS.
//!
//! With `AWS_CLI` set to an `aws`, a shell loop over it does the same reads of 3 of the clusters in the same run; its
//! time for all of them is extrapolated from that.
//!
//! Beside it: reading a Terraform plan of 100 MB, time and peak memory of `entryway export` (Linux).

#![expect(clippy::print_stdout, clippy::cast_precision_loss, reason = "a bench prints what it measured")]

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt::Write as _;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use entryway_access::AuthenticationMode;
use entryway_live::{Aws, AwsOptions, NewCluster};
use futures::{StreamExt, stream};
use http_body_util::BodyExt;
use hyper_util::rt::TokioIo;

type Failure = Box<dyn Error + Send + Sync>;

const ENTRYWAY: &str = env!("CARGO_BIN_EXE_entryway");
const CLUSTERS: usize = 100;
const ENTRIES: usize = 200;
const ROUNDS: usize = 5;
/// The clusters that the shell loop reads.
const LOOPED: usize = 3;
const TRUST: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:root"},"Action":"sts:AssumeRole"}]}"#;

/// A running control plane, stopped when it goes out of scope.
struct Up {
    child: Child,
    api: String,
    data: PathBuf,
    environment: BTreeMap<String, String>,
}

impl Drop for Up {
    fn drop(&mut self) {
        let stopped =
            rustix::process::kill_process(rustix::process::Pid::from_child(&self.child), rustix::process::Signal::TERM);
        if stopped.is_ok() {
            let _ = self.child.wait();
        }
    }
}

impl Up {
    fn start(folder: &Path) -> Result<Up, Failure> {
        let data = folder.join("data");
        let mut child = Command::new(ENTRYWAY)
            .args(["up", "-q", "--no-cluster", "--listen", "127.0.0.1:0", "--data"])
            .arg(&data)
            .stdout(Stdio::piped())
            .spawn()?;
        let mut line = String::new();
        BufReader::new(child.stdout.take().ok_or("no stdout")?).read_line(&mut line)?;
        let ready: serde_json::Value = serde_json::from_str(&line)?;
        let api = ready.get("api").and_then(|api| api.as_str()).ok_or("no api")?.to_owned();
        let told = Command::new(ENTRYWAY).args(["env", "--shell", "json", "--data"]).arg(&data).output()?;
        let all: BTreeMap<String, Option<String>> = serde_json::from_slice(&told.stdout)?;
        let environment = all.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
        Ok(Up { child, api, data, environment })
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.envs(&self.environment).env("HOME", &self.data).current_dir(&self.data);
        command
    }

    /// Runs `entryway` with these arguments; fails with another exit code than these.
    fn entryway(&self, arguments: &[&str], codes: &[i32]) -> Result<(Output, Duration), Failure> {
        self.entryway_with(&[], arguments, codes)
    }

    fn entryway_with(
        &self,
        variables: &[(&str, &str)],
        arguments: &[&str],
        codes: &[i32],
    ) -> Result<(Output, Duration), Failure> {
        let began = Instant::now();
        let done = self.command(ENTRYWAY).envs(variables.iter().copied()).args(arguments).output()?;
        let took = began.elapsed();
        match done.status.code() {
            Some(code) if codes.contains(&code) => Ok((done, took)),
            code => Err(format!("{arguments:?}: exit {code:?}: {}", String::from_utf8_lossy(&done.stderr)).into()),
        }
    }

    fn aws(&self) -> Result<(AwsOptions, String, String), Failure> {
        let of = |name: &str| self.environment.get(name).cloned().ok_or_else(|| format!("no {name}"));
        let options =
            AwsOptions { profile: None, region: Some(of("AWS_REGION")?), endpoint_url: Some(self.api.clone()) };
        Ok((options, of("AWS_ACCESS_KEY_ID")?, of("AWS_SECRET_ACCESS_KEY")?))
    }

    /// The calls that were answered so far, by what they are.
    async fn calls(&self) -> Result<BTreeMap<String, u64>, Failure> {
        let address = self.api.trim_start_matches("http://");
        let stream = TokioIo::new(tokio::net::TcpStream::connect(address).await?);
        let (mut sender, connection) = hyper::client::conn::http1::handshake(stream).await?;
        tokio::spawn(connection);
        let request = hyper::Request::get("/metrics")
            .header("host", address)
            .body(http_body_util::Empty::<bytes::Bytes>::new())?;
        let text = sender.send_request(request).await?.into_body().collect().await?.to_bytes();
        let mut calls = BTreeMap::new();
        for line in String::from_utf8_lossy(&text).lines() {
            let Some(rest) = line.strip_prefix("entryway_calls_total{") else { continue };
            let operation = rest.split("operation=\"").nth(1).and_then(|rest| rest.split('"').next());
            let count = line.rsplit(' ').next().and_then(|count| count.parse::<u64>().ok());
            if let (Some(operation), Some(count)) = (operation, count) {
                *calls.entry(operation.to_owned()).or_default() += count;
            }
        }
        Ok(calls)
    }
}

fn access_file(extra: &str) -> String {
    let mut text = String::from("clusters:\n");
    for cluster in 0..CLUSTERS {
        let _ = writeln!(text, "  - name: fleet-{cluster}\n    access:");
        for entry in 0..ENTRIES {
            let _ = writeln!(text, "      - principal: role/team-{entry}\n        groups: [team-{entry}]");
            let policy = if entry % 2 == 0 { "View" } else { "Edit" };
            let _ = writeln!(text, "        policies: [{{ policy: {policy}, namespaces: [team-{entry}, dev-*] }}]");
        }
        text.push_str(extra);
    }
    text
}

/// Makes the roles and the clusters.
async fn furnish(up: &Up) -> Result<(), Failure> {
    let (options, key, secret) = up.aws()?;
    let aws = Aws::at(&options, &key, &secret).await?;
    let roles = stream::iter(0..=ENTRIES).map(|n| {
        let aws = aws.clone();
        async move { aws.create_role("/", &format!("team-{n}"), TRUST).await }
    });
    let made: Vec<_> = roles.buffer_unordered(16).collect().await;
    made.into_iter().collect::<Result<Vec<_>, _>>()?;
    let clusters = stream::iter(0..CLUSTERS).map(|n| {
        let aws = aws.clone();
        async move {
            let new = NewCluster {
                name: format!("fleet-{n}"),
                role_arn: "arn:aws:iam::111122223333:role/cluster".to_owned(),
                subnet_ids: vec!["subnet-0a".to_owned(), "subnet-0b".to_owned()],
                mode: AuthenticationMode::ApiAndConfigMap,
            };
            aws.create_cluster(&new).await
        }
    });
    let made: Vec<_> = clusters.buffer_unordered(8).collect().await;
    made.into_iter().collect::<Result<Vec<_>, _>>()?;
    Ok(())
}

fn median(mut times: Vec<Duration>) -> (Duration, Duration, Duration) {
    times.sort_unstable();
    let at = |index: usize| times.get(index).copied().unwrap_or_default();
    (at(times.len() / 2), at(0), at(times.len().saturating_sub(1)))
}

fn show(what: &str, times: Vec<Duration>) {
    let (median, best, worst) = median(times);
    let seconds = |time: Duration| time.as_secs_f64();
    println!("{what:44} {:7.2} s, best {:.2}, worst {:.2}", seconds(median), seconds(best), seconds(worst));
}

/// By which calls a plan reads entries.
#[derive(Clone, Copy)]
enum Reads {
    /// Those of EKS: two for each entry.
    Eks,
    /// Entryway's own: one for a cluster.
    Own,
}

async fn planned(up: &Up, what: &str, reads: Reads, file: &Path, code: i32) -> Result<(), Failure> {
    let path = file.display().to_string();
    let variables: &[(&str, &str)] = match reads {
        Reads::Eks => &[("ENTRYWAY_ENTRIES_ONE_BY_ONE", "1")],
        Reads::Own => &[],
    };
    let mut times = Vec::new();
    let before = up.calls().await?;
    for _ in 0..ROUNDS {
        times.push(up.entryway_with(variables, &["plan", &path], &[code])?.1);
    }
    let after = up.calls().await?;
    show(what, times);
    let mut sum = 0;
    for (operation, count) in after {
        let each = (count - before.get(&operation).copied().unwrap_or_default()) as f64 / ROUNDS as f64;
        if each > 0.0 {
            println!("  {operation:42} {each:7.0} calls");
            sum += each as u64;
        }
    }
    println!("  {:42} {sum:7} calls", "together");
    Ok(())
}

/// The reads of a plan, one after the other, as people script them.
const LOOP: &str = r#"
set -e
for cluster in "$@"; do
  "$AWS_CLI" eks describe-cluster --name "$cluster" --output json >/dev/null
  for arn in $("$AWS_CLI" eks list-access-entries --cluster-name "$cluster" --query 'accessEntries[]' --output text); do
    "$AWS_CLI" eks describe-access-entry --cluster-name "$cluster" --principal-arn "$arn" --output json >/dev/null
    "$AWS_CLI" eks list-associated-access-policies --cluster-name "$cluster" --principal-arn "$arn" --output json >/dev/null
  done
done
"#;

fn looped(up: &Up) -> Result<(), Failure> {
    let Some(aws) = std::env::var_os("AWS_CLI") else {
        println!("{:44} left out: AWS_CLI names none", "the same reads with the AWS CLI");
        return Ok(());
    };
    let names: Vec<String> = (0..LOOPED).map(|n| format!("fleet-{n}")).collect();
    let began = Instant::now();
    let status = up.command("sh").args(["-c", LOOP, "sh"]).args(&names).env("AWS_CLI", aws).status()?;
    if !status.success() {
        return Err("the loop over the AWS CLI failed".into());
    }
    let took = began.elapsed().as_secs_f64();
    let all = took / LOOPED as f64 * CLUSTERS as f64;
    println!(
        "{:44} {took:7.0} s for {LOOPED} clusters; {all:.0} s for {CLUSTERS}, extrapolated",
        "the same reads with the AWS CLI"
    );
    Ok(())
}

/// A Terraform plan of so many bytes, most of it not about access.
fn terraform_plan(bytes: usize) -> String {
    let filler = r#"{"bucket":"b","acl":null,"content":"lorem ipsum dolor sit amet","tags":{"a":"1","b":"2"},"list":[1,2,3,4,5,6,7,8,9,10]}"#;
    let mut text = String::from(r#"{"format_version":"1.2","terraform_version":"1.9.0","resource_changes":["#);
    let mut n = 0;
    while text.len() < bytes {
        let (kind, values) = if n % 1000 == 0 {
            let values = format!(r#"{{"cluster_name":"demo","principal_arn":"arn:aws:iam::111122223333:role/r{n}"}}"#);
            ("aws_eks_access_entry", values)
        } else {
            ("aws_s3_object", filler.to_owned())
        };
        let comma = if n == 0 { "" } else { "," };
        let _ = write!(
            text,
            r#"{comma}{{"address":"{kind}.this[{n}]","mode":"managed","type":"{kind}","name":"this","index":{n},"change":{{"actions":["create"],"before":null,"after":{values},"after_unknown":{{"id":true}}}}}}"#
        );
        n += 1;
    }
    text.push_str(r#"],"configuration":{"root_module":{}}}"#);
    text
}

/// Time and the most resident memory of a command, as the shell's `time` would tell.
fn big_plan(up: &Up, folder: &Path) -> Result<(), Failure> {
    let path = folder.join("plan.json");
    let text = terraform_plan(100 << 20);
    std::fs::write(&path, &text)?;
    let size = text.len() as f64 / f64::from(1 << 20);
    drop(text);
    let path = path.display().to_string();
    let (mut times, mut most) = (Vec::new(), 0.0_f64);
    for _ in 0..3 {
        let began = Instant::now();
        let mut child =
            up.command(ENTRYWAY).args(["export", &path, "--to", "entryway"]).stdout(Stdio::null()).spawn()?;
        let pid = child.id();
        loop {
            let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
            let line = status.lines().find(|line| line.starts_with("VmHWM:"));
            let peak = line.and_then(|line| line.split_whitespace().nth(1)?.parse::<f64>().ok()).unwrap_or_default();
            most = most.max(peak / 1024.0);
            if let Some(status) = child.try_wait()? {
                if !status.success() {
                    return Err("the export of the large plan failed".into());
                }
                break;
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        times.push(began.elapsed());
    }
    show(&format!("a Terraform plan of {size:.0} MiB"), times);
    println!("  its peak memory {most:.0} MiB, {:.2} times its size", most / size);
    Ok(())
}

async fn measure() -> Result<(), Failure> {
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    println!("load of the machine                          {}", load.split(' ').next().unwrap_or_default());
    let folder = tempfile::tempdir()?;
    let up = Up::start(folder.path())?;
    furnish(&up).await?;
    let (same, more) = (folder.path().join("same.yaml"), folder.path().join("more.yaml"));
    std::fs::write(&same, access_file(""))?;
    std::fs::write(&more, access_file(&format!("      - principal: role/team-{ENTRIES}\n        policies: [View]\n")))?;
    let (_, took) = up.entryway(&["apply", &same.display().to_string(), "--yes", "-q"], &[0])?;
    show(&format!("apply: {} entries made", CLUSTERS * ENTRIES), vec![took]);
    for (reads, by) in [(Reads::Own, "own API"), (Reads::Eks, "EKS API")] {
        planned(&up, &format!("plan by the {by}: nothing to do"), reads, &same, 0).await?;
        planned(&up, &format!("plan by the {by}: one more on each"), reads, &more, 1).await?;
    }
    looped(&up)?;
    big_plan(&up, folder.path())
}

fn main() -> Result<(), Failure> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(measure())
}
