//! `entryway down`: stops what `up --detach` started.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clap::Args;
use rustix::process::{Pid, Signal, kill_process, test_kill_process};

use crate::args::Global;
use crate::error::CliError;
use crate::exit::Exit;
use crate::{local, output};

/// What may be written behind `down`.
#[derive(Debug, Args)]
#[command(before_help = "Example:\n  entryway down\n  entryway down --data ./data")]
pub(crate) struct DownArgs {
    /// The data folder of the control plane
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
}

/// Requests under way get a second; so long is plenty.
const PATIENCE: Duration = Duration::from_secs(20);
const PAUSE: Duration = Duration::from_millis(20);

/// Stops it, and waits until it is gone.
pub(crate) async fn run(global: &Global, args: DownArgs) -> Result<Exit, CliError> {
    let data = local::data_folder(args.data.as_deref())?;
    let Some(run) = local::running(&data) else {
        output::note(&format!("no control plane is running on {}", data.display()));
        return Ok(Exit::Yes);
    };
    let pid =
        i32::try_from(run.pid).ok().and_then(Pid::from_raw).filter(|_| is_entryway(run.pid)).ok_or_else(|| {
            CliError::new(format!("process {} of {} is no entryway", run.pid, data.join("run.json").display()))
                .hint(format!("something else listens at {}; remove run.json", run.api))
        })?;
    kill_process(pid, Signal::TERM)
        .map_err(|error| CliError::new(format!("process {} can't be stopped: {error}", run.pid)))?;
    let begun = Instant::now();
    while test_kill_process(pid).is_ok() && !is_gone(run.pid) {
        if begun.elapsed() > PATIENCE {
            return Err(CliError::new(format!("process {} did not stop within {} s", run.pid, PATIENCE.as_secs()))
                .hint(format!("`kill -9 {}` loses nothing that was acknowledged", run.pid)));
        }
        tokio::time::sleep(PAUSE).await;
    }
    if !global.quiet {
        output::print(&format!("stopped process {}\n", run.pid))?;
    }
    Ok(Exit::Yes)
}

/// Whether the process is ours, as far as the system tells: numbers are used again.
fn is_entryway(pid: u32) -> bool {
    let proc = Path::new("/proc").join(pid.to_string());
    match std::fs::read_to_string(proc.join("comm")) {
        Ok(name) => name.trim() == "entryway",
        Err(_) => true,
    }
}

/// A process whose parent has not asked after it stays in the table as a zombie.
fn is_gone(pid: u32) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/stat"))
        .is_ok_and(|stat| stat.rsplit(')').next().is_some_and(|rest| rest.trim_start().starts_with('Z')))
}
