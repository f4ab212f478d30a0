//! `entryway env`: what other tools need to reach the control plane on this machine.

use std::path::PathBuf;

use clap::Args;
use entryway_server::{ADMIN_FILE, AdminFile, RunInfo, read_admin_file};

use crate::args::Global;
use crate::change;
use crate::error::CliError;
use crate::exit::Exit;
use crate::local;
use crate::output::{self, Format};
use crate::profile::{self, ProfileFiles};
use crate::shell::{self, Shell, Variable};

/// What may be written behind `env`.
#[derive(Debug, Args)]
#[command(
    before_help = "Example:\n  eval \"$(entryway env)\"\n  entryway env --shell fish | source\n  entryway env --shell github >> \"$GITHUB_ENV\"\n  entryway env --write-profile local"
)]
pub(crate) struct EnvArgs {
    /// For which shell; `sh` is for bash and zsh too
    #[arg(long, value_enum, default_value_t = Shell::Sh)]
    shell: Shell,
    /// The data folder of the control plane
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Write a profile into the AWS config files instead, for every shell and for Terraform
    #[arg(long, value_name = "NAME", conflicts_with = "shell")]
    write_profile: Option<String>,
    /// Replace a profile of that name without a question
    #[arg(short, long)]
    yes: bool,
}

/// What stands in the way of the variables that are set.
const IN_THE_WAY: [&str; 7] = [
    "AWS_SESSION_TOKEN",
    "AWS_PROFILE",
    "AWS_DEFAULT_PROFILE",
    "AWS_ENDPOINT_URL_EKS",
    "AWS_ENDPOINT_URL_STS",
    "AWS_ENDPOINT_URL_IAM",
    "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
];

/// Prints the lines, or writes the profile.
pub(crate) fn run(global: &Global, args: &EnvArgs) -> Result<Exit, CliError> {
    let data = local::data_folder(args.data.as_deref())?;
    let running = local::running(&data).ok_or_else(|| {
        CliError::new(format!("no control plane is running on {}", data.display()))
            .hint("start one with `entryway up`, or name its data folder with `--data`")
    })?;
    let admin = read_admin_file(&data).ok_or_else(|| {
        CliError::new(format!("{} is missing or broken", data.join(ADMIN_FILE).display()))
            .hint("stop the control plane and start it again: it writes the file anew")
    })?;
    if let Some(name) = &args.write_profile {
        return write_profile(global, name, &running, &admin, args.yes);
    }
    let shell = match (args.shell, global.output) {
        (Shell::Sh, Some(Format::Json)) => Shell::Json,
        (shell, _) => shell,
    };
    let present = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let variables = variables(&running, &admin, present);
    output::print(&shell::render(shell, &variables))?;
    if shell == Shell::Github {
        warn_of_what_stays(&variables, present);
    }
    Ok(Exit::Yes)
}

/// `$GITHUB_ENV` can't unset: a job in which one of them is set would go on to talk to somebody else.
fn warn_of_what_stays(variables: &[Variable], present: impl Fn(&str) -> Option<String>) {
    let stays = variables.iter().filter(|variable| variable.value.is_none());
    for Variable { name, .. } in stays.filter(|variable| present(variable.name).is_some()) {
        output::note(&format!("warning: {name} is set and $GITHUB_ENV can't unset it: take it out of the job's `env`"));
    }
}

fn variables(running: &RunInfo, admin: &AdminFile, present: impl Fn(&str) -> Option<String>) -> Vec<Variable> {
    let mut all = vec![
        Variable::set("AWS_ENDPOINT_URL", &running.api),
        Variable::set("AWS_ACCESS_KEY_ID", &admin.access_key_id),
        Variable::set("AWS_SECRET_ACCESS_KEY", &admin.secret_access_key),
        Variable::set("AWS_REGION", &running.region),
        Variable::set("AWS_DEFAULT_REGION", &running.region),
        Variable::set("NO_PROXY", no_proxy(present("NO_PROXY").or_else(|| present("no_proxy")))),
    ];
    // Tools that read both prefer the one in lower case.
    if let Some(lower) = present("no_proxy") {
        all.push(Variable::set("no_proxy", no_proxy(Some(lower))));
    }
    all.extend(IN_THE_WAY.map(Variable::unset));
    all
}

/// The hosts that no proxy is asked for, and this machine.
fn no_proxy(present: Option<String>) -> String {
    let mut hosts: Vec<String> = present
        .unwrap_or_default()
        .split(',')
        .map(|host| host.trim().to_owned())
        .filter(|host| !host.is_empty())
        .collect();
    if hosts.iter().any(|host| host == "*") {
        return hosts.join(",");
    }
    for own in ["127.0.0.1", "localhost", "::1"] {
        if !hosts.iter().any(|host| host == own) {
            hosts.push(own.to_owned());
        }
    }
    hosts.join(",")
}

fn write_profile(
    global: &Global,
    name: &str,
    running: &RunInfo,
    admin: &AdminFile,
    yes: bool,
) -> Result<Exit, CliError> {
    profile::check_name(name)?;
    let files = ProfileFiles::find()?;
    if files.has(name)? && !change::ask(&format!("There is a profile `{name}` already. Replace it?"), yes)? {
        return Ok(Exit::No);
    }
    files.write(
        name,
        &[("region", &running.region), ("endpoint_url", &running.api)],
        &[("aws_access_key_id", &admin.access_key_id), ("aws_secret_access_key", &admin.secret_access_key)],
    )?;
    if !global.quiet {
        output::note(&format!(
            "wrote the profile `{name}`; use it with `--profile {name}` or `export AWS_PROFILE={name}`"
        ));
    }
    Ok(Exit::Yes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_set_and_unset() {
        let running = RunInfo {
            pid: 1,
            api: "http://127.0.0.1:4780".into(),
            data: "/data".into(),
            region: "eu-west-1".into(),
            account: "111122223333".into(),
            clusters: Vec::new(),
        };
        let admin = AdminFile {
            user_name: "admin".into(),
            arn: "arn:aws:iam::111122223333:user/admin".into(),
            access_key_id: "AKIA1".into(),
            secret_access_key: "s/+".into(),
        };
        let all = variables(&running, &admin, |name| match name {
            "NO_PROXY" => Some("corp.example, 127.0.0.1".into()),
            "no_proxy" => Some("x".into()),
            _ => None,
        });
        let value = |name: &str| all.iter().find(|v| v.name == name).map(|v| v.value.clone());
        for (name, expected) in [
            ("AWS_ENDPOINT_URL", "http://127.0.0.1:4780"),
            ("AWS_ACCESS_KEY_ID", "AKIA1"),
            ("AWS_SECRET_ACCESS_KEY", "s/+"),
            ("AWS_REGION", "eu-west-1"),
            ("AWS_DEFAULT_REGION", "eu-west-1"),
            ("NO_PROXY", "corp.example,127.0.0.1,localhost,::1"),
            ("no_proxy", "x,127.0.0.1,localhost,::1"),
        ] {
            assert_eq!(value(name), Some(Some(expected.to_owned())), "{name}");
        }
        for name in
            ["AWS_SESSION_TOKEN", "AWS_PROFILE", "AWS_ENDPOINT_URL_EKS", "AWS_ENDPOINT_URL_STS", "AWS_ENDPOINT_URL_IAM"]
        {
            assert_eq!(value(name), Some(None), "{name}");
        }
        assert_eq!(no_proxy(None), "127.0.0.1,localhost,::1");
        assert_eq!(no_proxy(Some("*".into())), "*");
        let once = no_proxy(Some("a".into()));
        assert_eq!(no_proxy(Some(once.clone())), once);
    }
}
