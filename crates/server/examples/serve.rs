//! Starts a control plane for trying: `cargo run -p entryway-server --example serve -- DATA [ADDRESS:PORT] [CLUSTER…]`.
//!
//! Prints one line of JSON when it is ready (`run.json`'s content), and stops when its standard input ends.

use std::error::Error;
use std::io::{self, Read, Write};

use entryway_server::{Retention, ServerConfig, start};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let data = arguments.next().ok_or("name a data folder")?.into();
    let listen = arguments.next().unwrap_or_else(|| "127.0.0.1:4780".to_owned()).parse()?;
    let mut clusters = arguments.map(|name| name.parse()).collect::<Result<Vec<_>, _>>()?;
    if clusters.is_empty() {
        clusters.push("demo".parse()?);
    }
    let level = std::env::var("RUST_LOG").unwrap_or_else(|_| "warn".to_owned());
    tracing_subscriber::fmt().with_env_filter(level).with_writer(io::stderr).init();
    let config = ServerConfig {
        data,
        listen,
        region: "us-east-1".parse()?,
        account: "111122223333".parse()?,
        clusters,
        public_hosts: Vec::new(),
        cluster_ports: ServerConfig::CLUSTER_PORTS,
        allow_remote: false,
        audit: Retention::default(),
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        let running = start(config).await?;
        writeln!(io::stdout(), "{}", serde_json::to_string(running.info())?)?;
        io::stdout().flush()?;
        tokio::task::spawn_blocking(|| io::stdin().read_to_end(&mut Vec::new())).await??;
        running.shutdown().await;
        Ok(())
    })
}
