//! `entryway update-kubeconfig`: a cluster into the kubeconfig, as `aws eks update-kubeconfig` does it.

use std::path::{Path, PathBuf};

use clap::Args;
use clap_complete::engine::ArgValueCompleter;
use entryway_access::ClusterName;
use entryway_live::{Cluster, PrincipalText};
use serde_json::{Value, json};

use crate::args::Global;
use crate::error::CliError;
use crate::exit::Exit;
use crate::kubeconfig::{self, Entries, KubeconfigFile};
use crate::{complete, context, output, yaml};

/// What may be written behind `update-kubeconfig`.
#[derive(Debug, Args)]
#[command(
    before_help = "Example:\n  entryway update-kubeconfig --name demo --alias demo\n  entryway update-kubeconfig --name demo --role-arn arn:aws:iam::111122223333:role/ops"
)]
pub(crate) struct UpdateKubeconfigArgs {
    /// The cluster
    #[arg(short = 'c', long, visible_aliases = ["cluster-name", "cluster"], value_name = "CLUSTER",
          add = ArgValueCompleter::new(complete::clusters))]
    name: ClusterName,
    /// The kubeconfig file (else the one of KUBECONFIG that has the cluster, else its first, else ~/.kube/config)
    #[arg(long, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,
    /// Assume this role at each sign-in
    #[arg(long, value_name = "ARN")]
    role_arn: Option<PrincipalText>,
    /// The cluster is reached through this proxy
    #[arg(long, value_name = "URL")]
    proxy_url: Option<String>,
    /// The context's name (else the user's)
    #[arg(long, value_name = "NAME")]
    alias: Option<String>,
    /// The user's name (else the cluster's ARN)
    #[arg(long, value_name = "NAME")]
    user_alias: Option<String>,
    /// Assume this role to describe the cluster, and for nothing else
    #[arg(long, value_name = "ARN")]
    assume_role_arn: Option<PrincipalText>,
    /// Print the merged file, write nothing
    #[arg(long)]
    dry_run: bool,
}

/// The session's name under `--assume-role-arn`, as the AWS CLI has it.
const SESSION: &str = "EKSDescribeClusterSession";

/// Writes or prints the kubeconfig.
pub(crate) async fn run(global: &Global, args: UpdateKubeconfigArgs) -> Result<Exit, CliError> {
    let mut aws = context::aws(global).await?;
    let role = match &args.role_arn {
        Some(role) => Some(context::role(&aws, role).await?),
        None => None,
    };
    if let Some(role) = &args.assume_role_arn {
        aws = aws.assume_role(&context::role(&aws, role).await?, SESSION).await?;
    }
    let cluster = context::cluster(&aws, Some(&args.name)).await?;
    if !matches!(cluster.status.as_str(), "ACTIVE" | "UPDATING") {
        return Err(CliError::new(format!("the cluster `{}` is {}", cluster.name, cluster.status))
            .hint("a kubeconfig is written for a cluster that is ACTIVE or UPDATING: try again later"));
    }
    let entries = entries(&cluster, &args, role.as_deref(), profile(global))?;
    let variable = std::env::var_os("KUBECONFIG");
    let file = choose(&kubeconfig::candidates(args.kubeconfig.as_deref(), variable.as_deref())?, &cluster.arn)?;
    let is_update = kubeconfig::has_cluster(&file.text, &cluster.arn);
    let edited = kubeconfig::edit(&file.text, &entries).map_err(|error| kubeconfig::broken(&file.path, &error))?;
    if args.dry_run {
        output::print(&edited.text)?;
        return Ok(Exit::Yes);
    }
    if edited.rewritten {
        output::note(&format!(
            "{} is not in block style: it was written anew, without its comments",
            file.path.display()
        ));
    }
    file.write(&edited.text)?;
    let context = entries.context.get("name").and_then(Value::as_str).unwrap_or_default();
    if !global.quiet {
        let done = if is_update { "Updated context" } else { "Added new context" };
        let to = if is_update { "in" } else { "to" };
        output::print(&format!("{done} {context} {to} {}\n", file.path.display()))?;
    }
    if global.verbose > 0 {
        let shown = [&entries.context, &entries.user, &entries.cluster].map(yaml::to_string);
        output::print(&format!("Entries:\n\n{}\n", shown.join("\n")))?;
    }
    Ok(Exit::Yes)
}

/// The profile in force, which kubectl then needs too.
fn profile(global: &Global) -> Option<String> {
    global
        .profile
        .clone()
        .or_else(|| ["AWS_PROFILE", "AWS_DEFAULT_PROFILE"].iter().find_map(|name| std::env::var(name).ok()))
        .filter(|profile| !profile.is_empty())
}

/// The first file that has the cluster, else the first of all. One that can't be read is passed over, unless it is
/// the one that would be written.
fn choose(candidates: &[PathBuf], arn: &str) -> Result<KubeconfigFile, CliError> {
    for (place, path) in candidates.iter().enumerate() {
        match KubeconfigFile::read(path.clone()) {
            Ok(file) if kubeconfig::has_cluster(&file.text, arn) => return Ok(file),
            // The first is told of below, where it would be written.
            Err(error) if place > 0 => tracing::warn!("passed over: {}", error.to_string().trim_end()),
            Ok(_) | Err(_) => {}
        }
    }
    KubeconfigFile::read(candidates.first().map_or(Path::new("config"), PathBuf::as_path).to_owned())
}

fn entries(
    cluster: &Cluster,
    args: &UpdateKubeconfigArgs,
    role: Option<&str>,
    profile: Option<String>,
) -> Result<Entries, CliError> {
    let region = cluster
        .arn
        .parse::<entryway_access::ClusterArn>()
        .map_err(|error| CliError::new(format!("EKS named the cluster by an ARN that is none: {error}")))?
        .region;
    let mut reach = json!({
        "certificate-authority-data": cluster.certificate_authority.data.as_deref().unwrap_or_default(),
        "server": cluster.endpoint.as_deref().unwrap_or_default(),
    });
    if let (Some(url), Some(reach)) = (&args.proxy_url, reach.as_object_mut()) {
        reach.insert("proxy-url".to_owned(), json!(url));
    }
    let (flag, id) = match &cluster.id {
        Some(id) if cluster.is_local => ("--cluster-id", id.as_str()),
        _ => ("--cluster-name", cluster.name.as_str()),
    };
    let mut words = vec!["token", flag, id, "--region", region.as_str()];
    if let Some(role) = role {
        words.extend(["--role-arn", role]);
    }
    let mut exec = json!({
        "apiVersion": "client.authentication.k8s.io/v1beta1",
        "args": words,
        "command": "entryway",
    });
    if let Some(exec) = exec.as_object_mut() {
        if let Some(profile) = profile {
            exec.insert("env".to_owned(), json!([{"name": "AWS_PROFILE", "value": profile}]));
        }
        exec.insert("interactiveMode".to_owned(), json!("IfAvailable"));
    }
    let user = args.user_alias.as_deref().unwrap_or(&cluster.arn);
    let context = args.alias.as_deref().unwrap_or(user);
    Ok(Entries {
        cluster: json!({"cluster": reach, "name": cluster.arn}),
        user: json!({"name": user, "user": {"exec": exec}}),
        context: json!({"context": {"cluster": cluster.arn, "user": user}, "name": context}),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        args: UpdateKubeconfigArgs,
    }

    fn cluster() -> Cluster {
        Cluster {
            name: "demo".into(),
            arn: "arn:aws-cn:eks:cn-north-1:111122223333:cluster/demo".into(),
            endpoint: Some("https://x".into()),
            ..Cluster::default()
        }
    }

    fn made(line: &str, cluster: &Cluster, profile: Option<&str>) -> Entries {
        let args = Line::parse_from(["x"].into_iter().chain(line.split_whitespace())).args;
        let role = args.role_arn.as_ref().map(|role| match role {
            PrincipalText::Arn(arn) => arn.as_str(),
            other => panic!("{other:?} is looked up first"),
        });
        entries(cluster, &args, role, profile.map(str::to_owned)).unwrap()
    }

    #[test]
    fn names_of_cluster_user_and_context() {
        let arn = cluster().arn;
        let names = |line| {
            let e = made(line, &cluster(), None);
            [e.cluster, e.user, e.context.clone()].map(|v| v["name"].as_str().unwrap().to_owned()).to_vec()
        };
        assert_eq!(names("--name demo"), [arn.as_str(), &arn, &arn]);
        assert_eq!(names("--name demo --alias a"), [arn.as_str(), &arn, "a"]);
        assert_eq!(names("--name demo --user-alias u"), [arn.as_str(), "u", "u"]);
        assert_eq!(names("--name demo --user-alias u --alias a"), [arn.as_str(), "u", "a"]);
        let both = made("--name demo --user-alias u --alias a", &cluster(), None).context;
        assert_eq!(both["context"], json!({"cluster": arn, "user": "u"}));
    }

    #[test]
    fn the_user_runs_entryway_token() {
        let exec = |line, cluster: &Cluster, profile| made(line, cluster, profile).user["user"]["exec"].clone();
        assert_eq!(
            exec("--name demo", &cluster(), None),
            json!({"apiVersion": "client.authentication.k8s.io/v1beta1", "command": "entryway", "interactiveMode": "IfAvailable",
                   "args": ["token", "--cluster-name", "demo", "--region", "cn-north-1"]})
        );
        let with = exec("--name demo --role-arn arn:aws:iam::111122223333:role/r", &cluster(), Some("p"));
        assert_eq!(
            with["args"],
            json!([
                "token",
                "--cluster-name",
                "demo",
                "--region",
                "cn-north-1",
                "--role-arn",
                "arn:aws:iam::111122223333:role/r"
            ])
        );
        assert_eq!(with["env"], json!([{"name": "AWS_PROFILE", "value": "p"}]));
        let local = Cluster { is_local: true, id: Some("uuid".into()), ..cluster() };
        assert_eq!(
            exec("--name demo", &local, None)["args"],
            json!(["token", "--cluster-id", "uuid", "--region", "cn-north-1"])
        );
    }

    #[test]
    fn the_first_file_that_has_the_cluster() {
        let folder = tempfile::tempdir().unwrap();
        let [a, b] = ["a", "b"].map(|name| folder.path().join(name));
        std::fs::write(&b, format!("clusters:\n- name: {}\n", cluster().arn)).unwrap();
        assert_eq!(choose(&[a.clone(), b.clone()], &cluster().arn).unwrap().path, b);
        assert_eq!(choose(&[a.clone(), b.clone()], "other").unwrap().path, a);
        std::fs::write(&a, [0xff]).unwrap();
        assert!(choose(&[a, b], "other").is_err());
    }

    #[test]
    fn a_proxy() {
        let e = made("--name demo --proxy-url http://p:1", &cluster(), None);
        assert_eq!(e.cluster["cluster"]["proxy-url"], "http://p:1");
    }
}
