//! `entryway console`: a link to the console of the control plane on this machine, which signs in once.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use bytes::Bytes;
use clap::Args;
use entryway_iam::sigv4::{PayloadHash, RequestParts, Scope, sign};
use entryway_iam::{Credentials, SecretKey};
use entryway_server::{ADMIN_FILE, RunInfo, read_admin_file};
use http_body_util::{BodyExt, Empty, Limited};
use hyper::Request;
use hyper_util::rt::TokioIo;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::json;
use std::io::IsTerminal;
use tokio::net::TcpStream;

use crate::args::Global;
use crate::error::CliError;
use crate::exit::Exit;
use crate::local;
use crate::output::{self, Format};

/// What may be written behind `console`.
#[derive(Debug, Args)]
#[command(before_help = "Example:\n  entryway console\n  entryway console --no-browser")]
pub(crate) struct ConsoleArgs {
    /// The data folder of the control plane
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Print the link, and open nothing
    #[arg(long)]
    no_browser: bool,
}

/// How long the control plane may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// The longest answer that is read.
const MOST: usize = 64 * 1024;
/// Where links are made.
const PATH: &str = "/console/link";

#[derive(Deserialize)]
struct Answer {
    path: String,
}

/// Prints the link; opens it where somebody sits in front of a screen.
pub(crate) async fn run(global: &Global, args: &ConsoleArgs) -> Result<Exit, CliError> {
    let data = local::data_folder(args.data.as_deref())?;
    let running = local::running(&data).ok_or_else(|| {
        CliError::new(format!("no control plane is running on {}", data.display()))
            .hint("start one with `entryway up`, or name its data folder with `--data`")
    })?;
    let link = link(&running).await?;
    match global.output {
        Some(Format::Json) => output::print(&format!("{}\n", json!({ "url": link })))?,
        _ => output::print(&format!("{link}\n"))?,
    }
    let on_screen = std::io::stdout().is_terminal() && global.output.is_none() && !global.quiet && !args.no_browser;
    if on_screen && open(&link) && !global.quiet {
        output::note("opened it in the browser; it works once, for 10 minutes");
    }
    Ok(Exit::Yes)
}

/// Asks the control plane for a link that signs in as its administrator.
pub(crate) async fn link(running: &RunInfo) -> Result<String, CliError> {
    let admin = read_admin_file(&running.data).ok_or_else(|| {
        CliError::new(format!("{} is missing or broken", running.data.join(ADMIN_FILE).display()))
            .hint("stop the control plane and start it again: it writes the file anew")
    })?;
    let credentials = Credentials {
        access_key_id: admin.access_key_id,
        secret: SecretKey::new(admin.secret_access_key),
        session_token: None,
    };
    let failed =
        |problem: String| CliError::new(format!("the control plane at {} did not give a link: {problem}", running.api));
    let asked = tokio::time::timeout(PATIENCE, ask(running, &credentials)).await;
    let path = asked.map_err(|_| failed("it did not answer in time".to_owned()))?.map_err(failed)?;
    Ok(format!("{}{path}", running.api))
}

async fn ask(running: &RunInfo, credentials: &Credentials) -> Result<String, String> {
    let authority = running.api.strip_prefix("http://").unwrap_or(&running.api);
    let headers: [(&str, &[u8]); 1] = [("host", authority.as_bytes())];
    let parts = RequestParts { method: "POST", path: PATH, query: "", headers: &headers };
    let scope = Scope { region: &running.region, service: "eks" };
    let signed = sign(&parts, credentials, scope, PayloadHash::of(b""), Timestamp::now());
    let mut request = Request::post(PATH).header("host", authority);
    for (name, value) in signed.map_err(|error| error.to_string())? {
        request = request.header(name, value);
    }
    let request = request.body(Empty::<Bytes>::new()).map_err(|error| error.to_string())?;

    let stream = TcpStream::connect(authority).await.map_err(|error| error.to_string())?;
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(|error| error.to_string())?;
    let connection = tokio::spawn(connection);
    let response = sender.send_request(request).await.map_err(|error| error.to_string())?;
    let status = response.status();
    let body = Limited::new(response.into_body(), MOST).collect().await.map_err(|error| error.to_string())?.to_bytes();
    connection.abort();
    if !status.is_success() {
        let text: serde_json::Value = serde_json::from_slice(&body).unwrap_or_default();
        let message = text.get("message").and_then(|message| message.as_str()).unwrap_or("no reason given");
        return Err(format!("{status}: {message}"));
    }
    let answer: Answer = serde_json::from_slice(&body).map_err(|error| error.to_string())?;
    if !answer.path.starts_with("/console/") {
        return Err("the answer holds no link to the console".to_owned());
    }
    Ok(answer.path)
}

/// Opens a link in the browser, if there is a screen for one.
fn open(link: &str) -> bool {
    let is_set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let program = match std::env::consts::OS {
        "macos" => "open",
        _ if is_set("DISPLAY") || is_set("WAYLAND_DISPLAY") => "xdg-open",
        _ => return false,
    };
    let spawned =
        Command::new(program).arg(link).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    spawned.is_ok()
}
