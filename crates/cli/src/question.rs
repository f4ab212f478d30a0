//! A question about access: who, what and where, read from the command line and decided by the core.

use clap::Args;
use clap::builder::NonEmptyStringValueParser;
use clap_complete::engine::ArgValueCompleter;
use entryway_access::{
    Attributes, Caller, Decision, Identity, NamespacePattern, Request, Resource, Snapshot, UserInfo,
};
use entryway_live::{Gathered, Kubernetes, PrincipalText, Unread, find_resource};
use jiff::Timestamp;

use crate::args::{ClusterFlag, Global, KubeFlags};
use crate::error::CliError;
use crate::{complete, context, output};

/// What may be written behind `can-i` and `explain`.
#[derive(Debug, Args)]
pub(crate) struct QuestionArgs {
    /// Such as get, list, create, delete
    #[arg(value_parser = NonEmptyStringValueParser::new())]
    verb: String,
    /// Such as pods, deploy, deployments.apps, secret/db; or a path such as /healthz
    #[arg(value_name = "RESOURCE[/NAME]", value_parser = NonEmptyStringValueParser::new())]
    resource: String,
    /// The namespace (else `default`)
    #[arg(short, long, value_name = "NAMESPACE", conflicts_with = "all_namespaces", value_parser = namespace)]
    namespace: Option<String>,
    /// In all namespaces at once
    #[arg(short = 'A', long)]
    all_namespaces: bool,
    /// Such as log, exec, scale
    #[arg(long, value_name = "NAME")]
    subresource: Option<String>,
    /// For this IAM principal: an ARN, or role/NAME, user/NAME in your account (else for you)
    #[arg(long, value_name = "PRINCIPAL", conflicts_with = "as_user", add = ArgValueCompleter::new(complete::principals))]
    principal: Option<PrincipalText>,
    /// For this Kubernetes user, impersonated: RBAC alone counts
    #[arg(long = "as", value_name = "USER", value_parser = NonEmptyStringValueParser::new())]
    as_user: Option<String>,
    /// With `--as`: in this group too
    #[arg(long, value_name = "GROUP", requires = "as_user")]
    as_group: Vec<String>,
    #[command(flatten)]
    cluster: ClusterFlag,
    #[command(flatten)]
    kube: KubeFlags,
}

/// A namespace's name.
fn namespace(text: &str) -> Result<String, String> {
    match text.parse::<NamespacePattern>() {
        Ok(_) if !text.contains('*') => Ok(text.to_owned()),
        Ok(_) | Err(_) => {
            Err("a namespace has 1 to 63 lower case letters, digits and `-`, not first or last".to_owned())
        }
    }
}

/// Who is asked about.
#[derive(Debug, Clone)]
pub(crate) enum Who {
    /// An IAM principal.
    Principal(Caller),
    /// A Kubernetes user, as impersonation makes it.
    User(UserInfo),
}

/// What is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum What {
    /// A resource.
    Resource {
        /// API group.
        group: String,
        /// Plural.
        resource: String,
        /// Empty for none.
        subresource: String,
        /// Empty for the cluster or all namespaces.
        namespace: String,
        /// Empty for none.
        name: String,
    },
    /// A path.
    Path(String),
}

/// A question with everything that answers it.
#[derive(Debug)]
pub(crate) struct Asked {
    /// Who.
    pub(crate) who: Who,
    /// The verb.
    pub(crate) verb: String,
    /// What.
    pub(crate) what: What,
    /// The cluster as read; its model is in `snapshot`.
    pub(crate) gathered: Gathered,
    /// What decides.
    pub(crate) snapshot: Snapshot,
    /// Who the principal is in the cluster; `None` where nothing maps it. For a Kubernetes user always itself.
    pub(crate) identity: Option<Identity>,
    /// The user as the API server sees it, with `system:authenticated`.
    pub(crate) user: Option<UserInfo>,
    /// When.
    pub(crate) now: Timestamp,
}

/// Reads the cluster and puts the question together.
pub(crate) async fn read(global: &Global, args: QuestionArgs) -> Result<Asked, CliError> {
    let now = Timestamp::now();
    // A question about a Kubernetes user needs nothing of AWS.
    let by_kubeconfig = args.kube.context.is_some() || args.kube.kubeconfig.is_some();
    let rbac_only = args.as_user.is_some() && args.cluster.cluster.is_none() && by_kubeconfig;
    let (kubernetes, gathered, who) = if rbac_only {
        let kubernetes = context::by_kubeconfig(&args.kube).await?;
        let gathered = Gathered::read_rbac(&kubernetes).await?;
        (kubernetes, gathered, None)
    } else {
        let aws = context::aws(global).await?;
        let cluster = context::cluster(&aws, args.cluster.cluster.as_ref()).await?;
        let kubernetes = context::kubernetes(&aws, &cluster, &args.kube).await?;
        let who = match (&args.principal, &args.as_user) {
            (Some(text), _) => Some(caller_of(&aws, text).await?),
            (None, None) => Some(own_caller(&aws).await?),
            (None, Some(_)) => None,
        };
        let gathered = Gathered::read(&aws, cluster, &kubernetes).await?;
        (kubernetes, gathered, who)
    };
    let who = match who {
        Some(caller) => Who::Principal(caller),
        None => Who::User(UserInfo::impersonated(args.as_user.as_deref().unwrap_or_default(), &args.as_group)),
    };
    let what = what(&args, &kubernetes).await;
    let snapshot = Snapshot::compile(gathered.model.clone());
    let identity = match &who {
        Who::Principal(caller) => snapshot.identity(caller, None, now),
        Who::User(_) => None,
    };
    let user = match (&who, &identity) {
        (Who::Principal(_), identity) => identity.as_ref().map(|identity| identity.user.clone().with_standing_group()),
        (Who::User(user), _) => Some(user.clone()),
    };
    Ok(Asked { who, verb: args.verb, what, gathered, snapshot, identity, user, now })
}

async fn caller_of(aws: &entryway_live::Aws, text: &PrincipalText) -> Result<Caller, CliError> {
    let (partition, account) =
        if text.needs_account() { context::own_account(aws).await? } else { context::anywhere(aws)? };
    text.caller(partition, &account).map_err(|error| CliError::new(error.to_string()))
}

async fn own_caller(aws: &entryway_live::Aws) -> Result<Caller, CliError> {
    let own = aws.caller().await?;
    let key = aws.credentials().access_key_id;
    Caller::from_sts(&own.account, &own.arn, &own.user_id, &key).map_err(|error| CliError::new(error.to_string()))
}

/// What the words mean in that cluster.
async fn what(args: &QuestionArgs, kubernetes: &Kubernetes) -> What {
    if args.resource.starts_with('/') {
        return What::Path(args.resource.clone());
    }
    let (word, name) = args.resource.split_once('/').unwrap_or((&args.resource, ""));
    let mut namespace = match (&args.namespace, args.all_namespaces) {
        (_, true) => String::new(),
        (Some(namespace), _) => namespace.clone(),
        (None, _) => "default".to_owned(),
    };
    let types = match kubernetes.resources().await {
        Ok(types) => types,
        Err(error) => {
            output::note(&format!("the cluster's types could not be read, so `{word}` is taken as it is: {error}"));
            Vec::new()
        }
    };
    let (group, resource) = match find_resource(&types, word) {
        Some(found) => {
            if !found.namespaced {
                if args.namespace.is_some() {
                    output::note(&format!("{} are not in namespaces", found.plural));
                }
                namespace = String::new();
            }
            (found.group.clone(), found.plural.clone())
        }
        None if word == "*" => ("*".to_owned(), "*".to_owned()),
        None => {
            if !types.is_empty() {
                output::note(&format!("the cluster has no resource type `{word}`"));
            }
            let (plural, group) = word.split_once('.').unwrap_or((word, ""));
            (group.to_owned(), plural.to_owned())
        }
    };
    let subresource = args.subresource.clone().unwrap_or_default();
    What::Resource { group, resource, subresource, namespace, name: name.to_owned() }
}

impl Asked {
    /// The decision; `None` where nothing maps the principal, so that it is nobody.
    pub(crate) fn decision(&self) -> Option<Decision<'_>> {
        let user = self.user.as_ref()?;
        Some(self.snapshot.decide(&self.request(user), self.now))
    }

    /// The question for the core, as `user`.
    pub(crate) fn request<'a>(&'a self, user: &'a UserInfo) -> Request<'a> {
        let attributes = match &self.what {
            What::Path(path) => Attributes::NonResource { verb: &self.verb, path },
            What::Resource { group, resource, subresource, namespace, name } => Attributes::Resource {
                verb: &self.verb,
                resource: Resource { group, resource, subresource, namespace, name },
            },
        };
        Request { user, attributes }
    }

    /// What could not be read and might have made a "no" a "yes".
    pub(crate) fn unknown(&self) -> Vec<&Unread> {
        let mapped = self.user.is_some();
        self.gathered.unread.iter().filter(|unread| !mapped || !unread.what.contains("aws-auth")).collect()
    }

    /// Who is asked about, in one word.
    pub(crate) fn who(&self) -> &str {
        match &self.who {
            Who::Principal(caller) => caller.principal.as_str(),
            Who::User(user) => &user.username,
        }
    }

    /// The question as a sentence's end: `delete pods/web in the namespace a`.
    pub(crate) fn sentence(&self) -> String {
        let verb = &self.verb;
        match &self.what {
            What::Path(path) => format!("{verb} {path}"),
            What::Resource { group, resource, subresource, namespace, name } => {
                let dot = if group.is_empty() { "" } else { "." };
                let slash = |text: &str| if text.is_empty() { String::new() } else { format!("/{text}") };
                let place = match namespace.as_str() {
                    "" => "in the whole cluster".to_owned(),
                    namespace => format!("in the namespace {namespace}"),
                };
                format!("{verb} {resource}{dot}{group}{}{} {place}", slash(subresource), slash(name))
            }
        }
    }
}
