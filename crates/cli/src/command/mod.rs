//! One file a command.

pub(crate) mod access;
pub(crate) mod apply;
pub(crate) mod can_i;
pub(crate) mod clusters;
pub(crate) mod completions;
pub(crate) mod console;
pub(crate) mod down;
pub(crate) mod drift;
pub(crate) mod env;
pub(crate) mod explain;
pub(crate) mod export;
pub(crate) mod import;
pub(crate) mod migrate;
pub(crate) mod plan;
pub(crate) mod policies;
pub(crate) mod schema;
pub(crate) mod sweep;
pub(crate) mod token;
pub(crate) mod up;
pub(crate) mod update_kubeconfig;
pub(crate) mod version;

use crate::args::{Cli, Command};
use crate::error::CliError;
use crate::exit::Exit;

/// Runs the command that was given.
pub(crate) async fn run(cli: Cli) -> Result<Exit, CliError> {
    let global = &cli.global;
    match cli.command {
        Command::Up(args) => up::run(global, args).await,
        Command::Console(args) => console::run(global, &args).await,
        Command::Down(args) => down::run(global, args).await,
        Command::Env(args) => env::run(global, &args),
        Command::Clusters(command) => clusters::run(global, command).await,
        Command::Policies(command) => policies::run(global, command).await,
        Command::Access(command) => access::run(global, command).await,
        Command::Token(args) => token::run(global, args).await,
        Command::UpdateKubeconfig(args) => update_kubeconfig::run(global, args).await,
        Command::CanI(args) => can_i::run(global, args).await,
        Command::Explain(args) => explain::run(global, args).await,
        Command::Plan(args) => plan::run(global, args).await,
        Command::Apply(args) => apply::run(global, args).await,
        Command::Drift(args) => drift::run(global, args).await,
        Command::Import(args) => import::run(global, args).await,
        Command::Export(args) => export::run(global, args).await,
        Command::Migrate(args) => migrate::run(global, args).await,
        Command::Sweep(args) => sweep::run(global, args).await,
        Command::Schema(args) => schema::run(global, &args),
        Command::Completions(args) => completions::run(&args),
        Command::Version => version::run(global),
    }
}
