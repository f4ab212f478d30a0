//! `entryway up`: a control plane on this machine, with nothing to set up.

mod detach;
mod fresh;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use clap::Args;
use entryway_access::{AccountId, ClusterName, Region};
use entryway_server::{PublicHost, Retention, RunInfo, Running, ServerConfig, StartError};
use serde_json::json;
use tokio::signal::unix::SignalKind;

use crate::args::Global;
use crate::command::console;
use crate::error::CliError;
use crate::exit::Exit;
use crate::interrupt::listen_for;
use crate::output::{self, Format};
use crate::{local, sample};

/// What may be written behind `up`.
#[derive(Debug, Args)]
#[command(
    before_help = "Example:\n  entryway up\n  entryway up --sample\n  entryway up --detach -q --data ./data --listen 127.0.0.1:0 --cluster staging --cluster production"
)]
pub(crate) struct UpArgs {
    /// The data folder (else `entryway` in the user's data folder)
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Where the API listens; port 0 takes any free one
    #[arg(long, value_name = "ADDR:PORT", default_value_t = DEFAULT_LISTEN)]
    listen: SocketAddr,
    /// A cluster to have there; repeatable
    #[arg(long = "cluster", visible_aliases = ["cluster-name", "name"], value_name = "NAME", default_value = "demo")]
    clusters: Vec<ClusterName>,
    /// No cluster
    #[arg(long, conflicts_with = "clusters")]
    no_cluster: bool,
    /// The account of the local identities
    #[arg(long, value_name = "ID", default_value = "111122223333")]
    account: AccountId,
    /// Fill the first cluster with the roles, entries and RBAC of a small company
    #[arg(long, conflicts_with = "no_cluster")]
    sample: bool,
    /// A further name that it is reached by, in containers and CI; repeatable
    #[arg(long = "public-host", value_name = "NAME[:PORT]")]
    public_hosts: Vec<PublicHost>,
    /// The ports of clusters' Kubernetes endpoints
    #[arg(long, value_name = "FROM-TO", default_value = "6443-7442", value_parser = ports)]
    cluster_ports: RangeInclusive<u16>,
    /// Empty the data folder first
    #[arg(long)]
    fresh: bool,
    /// Empty it without a question
    #[arg(short, long)]
    yes: bool,
    /// Return when it is ready; `entryway down` stops it
    #[arg(long)]
    pub(crate) detach: bool,
    /// Listen on other addresses than loopback, in plain HTTP: for a container's published port
    #[arg(long)]
    allow_remote: bool,
}

const DEFAULT_LISTEN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 4780);
const DEFAULT_REGION: &str = "us-east-1";

fn ports(text: &str) -> Result<RangeInclusive<u16>, String> {
    let parse = |text: &str| text.parse::<u16>().ok().filter(|port| *port > 0);
    let (from, to) = text.split_once('-').unwrap_or((text, text));
    match (parse(from), parse(to)) {
        (Some(from), Some(to)) if from <= to => Ok(from..=to),
        _ => Err("ports are written `6443-7442`, from 1 to 65535".to_owned()),
    }
}

/// Serves until a signal, or (detached) returns when somebody else does.
pub(crate) async fn run(global: &Global, args: UpArgs) -> Result<Exit, CliError> {
    let data = local::data_folder(args.data.as_deref())?;
    if args.fresh && !fresh::empty(&data, args.yes)? {
        return Ok(Exit::No);
    }
    if args.detach {
        let info = detach::start(&data)?;
        let link = console::link(&info).await.ok();
        return ready(global, &info, link.as_deref(), true);
    }
    let sample = args.sample;
    let running = entryway_server::start(config(global, args, data)?).await.map_err(start_error)?;
    let stopped = serve(global, &running, sample).await;
    running.shutdown().await;
    stopped
}

fn config(global: &Global, args: UpArgs, data: PathBuf) -> Result<ServerConfig, CliError> {
    let region: Region = global
        .region
        .as_deref()
        .unwrap_or(DEFAULT_REGION)
        .parse()
        .map_err(|error: entryway_access::ArnError| CliError::new(error.to_string()))?;
    if args.allow_remote && !args.listen.ip().is_loopback() {
        output::note("anybody who reaches this address talks to the API in plain HTTP; keys are still needed");
    }
    Ok(ServerConfig {
        data,
        listen: args.listen,
        region,
        account: args.account,
        clusters: if args.no_cluster { Vec::new() } else { args.clusters },
        public_hosts: args.public_hosts,
        cluster_ports: args.cluster_ports,
        allow_remote: args.allow_remote,
        audit: Retention::default(),
    })
}

/// The server's own text says what stands in the way and what to do.
fn start_error(error: StartError) -> CliError {
    let told = CliError::new(error.to_string());
    match &error {
        StartError::Running { .. } => told.hint("`entryway env` prints its address and keys, `entryway down` stops it"),
        _ => told,
    }
}

async fn serve(global: &Global, running: &Running, sample: bool) -> Result<Exit, CliError> {
    // Before anybody is told that it is ready: whoever is may stop it at once.
    let mut interrupt = listen_for(SignalKind::interrupt())?;
    let mut terminate = listen_for(SignalKind::terminate())?;
    if sample {
        sample::fill(running.info()).await?;
    }
    match ready(global, running.info(), running.console_link().as_deref(), false) {
        // Who started it may have read what it needs and closed its end.
        Ok(_) | Err(CliError::ReaderGone) => {}
        Err(error) => return Err(error),
    }
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    if !global.quiet {
        output::note("stopping");
    }
    Ok(Exit::Yes)
}

/// Says that it is ready: one line of JSON with `-q`, else what it serves, where, and what to try.
fn ready(global: &Global, info: &RunInfo, link: Option<&str>, detached: bool) -> Result<Exit, CliError> {
    if global.quiet || matches!(global.output, Some(Format::Json)) {
        output::print(&format!("{}\n", ready_line(info)))?;
    } else {
        output::print(&ready_text(info, link, detached, local::data_folder(None).ok().as_deref()))?;
    }
    Ok(Exit::Yes)
}

fn ready_line(info: &RunInfo) -> serde_json::Value {
    json!({ "api": info.api, "console": format!("{}/console", info.api), "clusters": info.clusters, "data": info.data })
}

fn ready_text(info: &RunInfo, link: Option<&str>, detached: bool, default_data: Option<&Path>) -> String {
    let mut text = format!("Entryway is ready.\n  API      {}  (EKS, STS, IAM)\n", info.api);
    if let Some(link) = link {
        text.push_str(&format!("  console  {link}  (signs you in, once)\n"));
    }
    for cluster in &info.clusters {
        text.push_str(&format!("  cluster  {}  {}\n", cluster.endpoint, cluster.name));
    }
    text.push_str(&format!("  data     {}\n", info.data.display()));
    if !info.clusters.is_empty() {
        text.push_str("Clusters run no pods: they are there to try and test access.\n");
    }
    let data = match default_data {
        Some(default) if std::fs::canonicalize(default).is_ok_and(|default| default == info.data) => String::new(),
        _ => format!(" --data {}", info.data.display()),
    };
    text.push_str(&format!(
        "\nNext{}:\n  eval \"$(entryway env{data})\"\n",
        if detached { "" } else { ", in another shell" }
    ));
    match info.clusters.first() {
        Some(cluster) => text.push_str(&format!(
            "  aws eks update-kubeconfig --name {name}\n  kubectl auth whoami\n",
            name = cluster.name
        )),
        None => text.push_str("  aws eks list-access-policies\n  entryway clusters create demo\n"),
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use entryway_server::ClusterInfo;

    fn info() -> RunInfo {
        RunInfo {
            pid: 7,
            api: "http://127.0.0.1:4780".into(),
            data: "/x/data".into(),
            region: "us-east-1".into(),
            account: "111122223333".into(),
            clusters: vec![ClusterInfo {
                name: "demo".into(),
                arn: "arn:aws:eks:us-east-1:111122223333:cluster/demo".into(),
                region: "us-east-1".into(),
                endpoint: "https://127.0.0.1:6443".into(),
            }],
        }
    }

    #[test]
    fn the_line_for_scripts() {
        assert_eq!(
            ready_line(&info()),
            json!({"api": "http://127.0.0.1:4780", "console": "http://127.0.0.1:4780/console", "data": "/x/data",
                   "clusters": [{"name": "demo", "arn": "arn:aws:eks:us-east-1:111122223333:cluster/demo",
                                 "region": "us-east-1", "endpoint": "https://127.0.0.1:6443"}]})
        );
        assert_eq!(ready_line(&info()).to_string().lines().count(), 1);
    }

    #[test]
    fn the_text_for_people_has_three_commands() {
        let text = ready_text(&info(), None, false, None);
        let (_, next) = text.split_once("Next").unwrap();
        assert_eq!(next.lines().filter(|line| line.starts_with("  ")).count(), 3, "{text}");
        assert!(text.contains("entryway env --data /x/data"), "{text}");
    }

    #[test]
    fn ranges_of_ports() {
        assert_eq!(ports("6443-7442"), Ok(6443..=7442));
        assert_eq!(ports("7000"), Ok(7000..=7000));
        for text in ["", "0-1", "2-1", "a-b", "1-70000", "-"] {
            assert!(ports(text).is_err(), "{text}");
        }
    }
}
