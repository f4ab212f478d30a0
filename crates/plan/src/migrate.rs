//! Off aws-auth: the entries that do what its lines do, the proof of it by the core, and what can't be carried
//! over, with the nearest safe proposal.
//!
//! Which line is in force for whom is the core's answer; what a line becomes is in `line`. Nothing is
//! deleted before [`Migration::finish`], which is also where EKS's way back ends.

mod line;
mod proposal;

use std::collections::BTreeMap;

use entryway_access::{
    AccountId, AuthenticationMode, AwsAuth, AwsAuthProblem, Caller, IdentitySource, MappedPrincipal, Mapping, Position,
    PrincipalArn, Snapshot,
};
use entryway_analysis::{Difference, KnownPrincipals, as_text, compare};
use entryway_formats::Place;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::diff::Draft;
use crate::order::Phase;
use crate::plan::{assemble, finish as finish_plan, plan_cluster};
use crate::{Action, ActualCluster, DesiredCluster, DesiredEntry, Plan, PlanOptions, World};

use line::{Carried, carry};
use proposal::for_account;

/// What IAM says of a line's principal. The lookup is by the exact ARN of the line, in the line's own account:
/// a role of the same name in another account is another role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LookedUp {
    /// It is there, under this ARN (with its path).
    Found(PrincipalArn),
    /// It is not there: nobody can be it.
    NotFound,
    /// Nobody could ask, for this reason (another account, no permission).
    Unknown(String),
}

/// What a migration stands on.
#[derive(Debug, Clone)]
pub struct MigrationInput<'a> {
    /// The cluster with its aws-auth and RBAC.
    pub cluster: &'a ActualCluster,
    /// What is wrong in aws-auth, with places of a file where it came from one.
    pub problems: &'a [(AwsAuthProblem, Option<Place>)],
    /// Places of the lines in a file: of `mapRoles`, then of `mapUsers`; may be empty.
    pub places: &'a [Option<Place>],
    /// By the line's ARN without path. One that is missing counts as unknown.
    pub lookup: &'a BTreeMap<PrincipalArn, LookedUp>,
    /// What is known of principals.
    pub known: &'a KnownPrincipals,
    /// Principals that must keep what they have.
    pub protected: &'a [PrincipalArn],
    /// The time.
    pub now: Timestamp,
}

/// Where a line stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LineSource {
    /// `mapRoles`, `mapUsers` or `mapAccounts`.
    pub key: String,
    /// Line within the key's text, from 1; of the file where `file` is there. 0 where it is not known.
    pub line: u32,
    /// Column, likewise.
    pub column: u32,
    /// The file, where it came from one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
}

/// What becomes of a line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "fate", rename_all_fields = "camelCase")]
pub enum Fate {
    /// It becomes an entry.
    Carried {
        /// Of this principal.
        #[serde(with = "as_text")]
        principal: PrincipalArn,
    },
    /// It maps nobody today, so there is nothing to carry over.
    Dead {
        /// Why, and what to do if somebody was meant.
        why: String,
    },
    /// Its principal has an entry already, which wins over the line whole.
    HasEntry,
    /// It can't become an entry.
    NotCarried,
    /// It could not be read.
    Broken {
        /// What is wrong.
        why: String,
    },
}

/// A line and what becomes of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LineReport {
    /// Where.
    pub source: LineSource,
    /// Whom it maps, as written.
    pub principal: String,
    /// What becomes of it.
    #[serde(flatten)]
    pub fate: Fate,
}

/// Something of a line that an entry can't say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotCarried {
    /// Where it stands.
    pub source: LineSource,
    /// Whose line.
    pub principal: String,
    /// What: ``group `system:foo` ``.
    pub what: String,
    /// Why.
    pub why: String,
    /// The nearest safe thing to do instead.
    pub proposal: String,
    /// Kubernetes objects that belong to the proposal.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub objects: Vec<Value>,
}

/// What has to hold after `--apply`: the live decision is asked, and compared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verification {
    /// For this principal.
    #[serde(with = "as_text")]
    pub principal: PrincipalArn,
    /// The entry's username, as a template.
    pub username: String,
    /// Its groups.
    pub groups: Vec<String>,
    /// The names of its policies.
    pub policies: Vec<String>,
}

/// The steps of the way, for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum MigrationPhase {
    /// Nothing is done yet.
    Check,
    /// The API is on, and entries stand beside aws-auth.
    Applied,
    /// The mode is API: aws-auth no longer counts, and EKS has no way back.
    Finished,
}

/// The whole migration.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Migration {
    /// Where the cluster is on the way.
    pub phase: MigrationPhase,
    /// Every line, in the order of the text.
    pub lines: Vec<LineReport>,
    /// What can't be carried over, with proposals.
    pub not_carried: Vec<NotCarried>,
    /// Worth knowing.
    pub notes: Vec<String>,
    /// Who would gain or lose what in the end (mode API), against now.
    pub comparison: Vec<Difference>,
    /// `--apply`: the API on, entries made; nothing deleted.
    pub apply: Plan,
    /// What has to hold then.
    pub verify: Vec<Verification>,
    /// `--finish`: the mode API, from the state after `apply`. EKS has no way back from it.
    pub finish: Plan,
    /// `--rollback`, as long as `finish` is not done: the entries that `apply` made go, and aws-auth, which was
    /// never touched, maps their principals again. The mode stays API_AND_CONFIG_MAP: EKS has no way back.
    pub rollback: Plan,
    /// The entries, for `export`.
    #[serde(skip)]
    pub entries: Vec<DesiredEntry>,
}

impl Migration {
    /// Whether anybody would gain or lose anything: `--check` then exits 1.
    pub fn changes_access(&self) -> bool {
        self.comparison.iter().any(|difference| difference.is_gain() || difference.is_loss())
    }
}

/// Works a migration out. aws-auth that could not be read makes an empty one, with a note.
pub fn migrate(input: &MigrationInput<'_>) -> Migration {
    let cluster = input.cluster;
    let mut work = Work {
        input,
        lines: Vec::new(),
        not_carried: Vec::new(),
        notes: cluster.blind_spots(),
        entries: BTreeMap::new(),
    };
    let empty = AwsAuth::default();
    let aws_auth = cluster.aws_auth.get().unwrap_or(&empty);
    work.read_lines(aws_auth);
    work.read_accounts(&aws_auth.accounts);
    work.read_broken();
    work.lines.sort_by(|a, b| {
        (&a.source.key, a.source.line, a.source.column).cmp(&(&b.source.key, b.source.line, b.source.column))
    });

    let options = PlanOptions { adopt: false, prune: false, allow_lockout: false, now: input.now };
    let world = World { known: input.known.clone(), ..World::default() };
    let wanted = DesiredCluster {
        arn: cluster.arn.clone(),
        mode: (cluster.mode == AuthenticationMode::ConfigMap).then_some(AuthenticationMode::ApiAndConfigMap),
        entries: work.entries.values().cloned().collect(),
        objects: Vec::new(),
        policies: BTreeMap::new(),
        ended: Vec::new(),
    };
    let apply = match cluster.mode {
        AuthenticationMode::Api => assemble(cluster, Draft::default(), Vec::new(), &[], &world, &options),
        AuthenticationMode::ConfigMap | AuthenticationMode::ApiAndConfigMap => {
            let mut draft = Draft::default();
            crate::diff::diff_mode(cluster, &wanted, &mut draft);
            plan_cluster(cluster, &wanted, input.protected, &world, &options)
        }
    };
    let mut applied = cluster.clone();
    for step in &apply.steps {
        if let Err(error) = applied.apply(&step.action, input.now) {
            work.notes.push(format!("`{}` may fail: {error}", step.action));
        }
    }
    let finish = mode_plan(&applied, input, &world, &options);
    let rollback = rollback_plan(&applied, &apply.steps, input, &world, &options);
    let mut end = applied.clone();
    end.mode = AuthenticationMode::Api;
    let comparison =
        compare(&Snapshot::compile(cluster.model()), &Snapshot::compile(end.model()), input.known, input.now);
    let phase = match cluster.mode {
        AuthenticationMode::ConfigMap => MigrationPhase::Check,
        AuthenticationMode::ApiAndConfigMap if apply.steps.is_empty() => MigrationPhase::Applied,
        AuthenticationMode::ApiAndConfigMap => MigrationPhase::Check,
        AuthenticationMode::Api => MigrationPhase::Finished,
    };
    let Work { lines, not_carried, notes, entries, .. } = work;
    let verify = entries.values().map(verification).collect();
    let whole = |cluster_plan| finish_plan(vec![cluster_plan], Vec::new(), &options);
    Migration {
        phase,
        lines,
        not_carried,
        notes,
        comparison,
        apply: whole(apply),
        verify,
        finish: whole(finish),
        rollback: whole(rollback),
        entries: entries.into_values().collect(),
    }
}

fn verification(entry: &DesiredEntry) -> Verification {
    Verification {
        principal: entry.principal.clone(),
        username: entry.username.clone(),
        groups: entry.groups.clone().unwrap_or_default(),
        policies: entry.policies.iter().map(|policy| policy.policy.name().to_string()).collect(),
    }
}

/// The step to the mode API.
fn mode_plan(
    applied: &ActualCluster,
    input: &MigrationInput<'_>,
    world: &World,
    options: &PlanOptions,
) -> crate::ClusterPlan {
    let mut draft = Draft::default();
    let wanted = DesiredCluster {
        arn: applied.arn.clone(),
        mode: Some(AuthenticationMode::Api),
        entries: Vec::new(),
        objects: Vec::new(),
        policies: BTreeMap::new(),
        ended: Vec::new(),
    };
    crate::diff::diff_mode(applied, &wanted, &mut draft);
    assemble(applied, draft, Vec::new(), input.protected, world, options)
}

/// The deletion of what `apply` made.
fn rollback_plan(
    applied: &ActualCluster,
    steps: &[crate::Step],
    input: &MigrationInput<'_>,
    world: &World,
    options: &PlanOptions,
) -> crate::ClusterPlan {
    let mut draft = Draft::default();
    for step in steps {
        if let Action::CreateEntry { principal, .. } = &step.action
            && let Some(entry) = applied.entry(principal)
        {
            crate::diff::delete(entry, "aws-auth maps its principal again", &mut draft);
        }
    }
    draft.moves.iter_mut().for_each(|step| step.phase = Phase::Delete);
    assemble(applied, draft, Vec::new(), input.protected, world, options)
}

/// A migration being worked out.
struct Work<'a> {
    input: &'a MigrationInput<'a>,
    lines: Vec<LineReport>,
    not_carried: Vec<NotCarried>,
    notes: Vec<String>,
    entries: BTreeMap<PrincipalArn, DesiredEntry>,
}

impl Work<'_> {
    fn read_lines(&mut self, aws_auth: &AwsAuth) {
        let snapshot = Snapshot::compile(self.input.cluster.model());
        let roles = aws_auth.roles.iter().enumerate().map(|(index, mapping)| ("mapRoles", index, mapping));
        let users = aws_auth.users.iter().enumerate().map(|(index, mapping)| ("mapUsers", index, mapping));
        for (number, (key, index, mapping)) in roles.chain(users).enumerate() {
            let place = self.input.places.get(number).cloned().flatten();
            let source = source(key, mapping.position, place.as_ref());
            let (principal, fate) = match &mapping.principal {
                MappedPrincipal::Unusable(text) => {
                    let why =
                        self.problem_at(key, mapping.position).unwrap_or("it is no ARN of a role or user").to_owned();
                    (text.clone(), Fate::Broken { why })
                }
                MappedPrincipal::Arn(arn) => {
                    (arn.to_string(), self.read_line(&snapshot, key, index, mapping, arn, &source))
                }
            };
            self.lines.push(LineReport { source, principal, fate });
        }
    }

    fn problem_at(&self, key: &str, position: Position) -> Option<&str> {
        let at = self.input.problems.iter().map(|(problem, _)| problem).find(|problem| {
            problem.key == key
                && problem.position >= position
                && problem.position.line <= position.line + 1
                && problem.dropped
        });
        at.map(|problem| problem.message.as_str())
    }

    fn read_line(
        &mut self,
        snapshot: &Snapshot,
        key: &'static str,
        index: usize,
        mapping: &Mapping,
        arn: &PrincipalArn,
        source: &LineSource,
    ) -> Fate {
        let dead = |why: String| Fate::Dead { why };
        if arn.partition() != self.input.cluster.arn.partition {
            return dead(format!("it is of the partition `{}`, which never signs in here", arn.partition()));
        }
        if arn.path() != "/" && arn.is_role() {
            let plain = arn.without_path();
            return dead(format!(
                "STS never tells a role's path, so the line maps nobody; declare an entry of `{arn}` if `{plain}` was meant to have access"
            ));
        }
        match in_force(snapshot, arn, self.input) {
            Some(IdentitySource::Entry(_)) => return Fate::HasEntry,
            Some(IdentitySource::AwsAuthLine { key: winner, index: at }) if winner == key && at == index => {}
            Some(IdentitySource::AwsAuthLine { key: winner, .. }) => {
                return dead(format!("another line of {winner} for the same ARN wins over it; groups are not merged"));
            }
            Some(IdentitySource::AwsAuthAccount | IdentitySource::BootstrapCreator) | None => {
                let why = match &mapping.username {
                    None => "it has no username",
                    Some(_) => "its username has no value for such a principal, or the mode has no aws-auth",
                };
                return dead(format!("{why}, so it maps nobody"));
            }
        }
        let looked_up = self.input.lookup.get(&arn.without_path());
        let principal = match looked_up {
            Some(LookedUp::NotFound) => {
                return dead("the principal does not exist, so nobody can be it".to_owned());
            }
            Some(LookedUp::Found(found)) => found.clone(),
            Some(LookedUp::Unknown(_)) | None => {
                let why = match looked_up {
                    Some(LookedUp::Unknown(why)) => why.as_str(),
                    _ => "nobody has looked it up",
                };
                self.notes.push(format!(
                    "`{arn}` could not be looked up ({why}): if it has a path, EKS refuses the entry, and the ARN has to be written with it"
                ));
                arn.clone()
            }
        };
        let Carried { entry, refused } =
            carry(mapping, &principal, looked_up, self.input.cluster, source, &mut self.notes);
        self.not_carried.extend(refused);
        match entry {
            None => Fate::NotCarried,
            Some(entry) => {
                self.entries.insert(principal.clone(), entry);
                Fate::Carried { principal }
            }
        }
    }

    fn read_accounts(&mut self, accounts: &[AccountId]) {
        for account in accounts {
            let problem = |position| source("mapAccounts", position, None);
            let source = problem(Position { line: 0, column: 0 });
            self.not_carried.push(for_account(account, self.input.cluster, source.clone()));
            self.lines.push(LineReport { source, principal: account.to_string(), fate: Fate::NotCarried });
        }
    }

    /// What the parser dropped before it became a line.
    fn read_broken(&mut self) {
        for (problem, place) in self.input.problems.iter().filter(|(problem, _)| problem.dropped) {
            let source = source(&problem.key, problem.position, place.as_ref());
            let has_line = self.lines.iter().any(|line| {
                line.source.key == source.key && line.source.line <= source.line && source.line <= line.source.line + 1
            });
            if !has_line {
                let fate = Fate::Broken { why: problem.message.clone() };
                self.lines.push(LineReport { source, principal: String::new(), fate });
            }
        }
    }
}

fn source(key: &str, position: Position, place: Option<&Place>) -> LineSource {
    let in_file = place.map(|place| {
        let (line, column) = place.line_and_column();
        (u32::try_from(line).unwrap_or_default(), u32::try_from(column).unwrap_or_default())
    });
    let (line, column) = in_file.unwrap_or((position.line, position.column));
    LineSource { key: key.to_owned(), line, column, file: place.map(|place| place.source.name().to_owned()) }
}

/// What maps a principal now: the core's answer for a session with a value for every placeholder.
fn in_force(snapshot: &Snapshot, arn: &PrincipalArn, input: &MigrationInput<'_>) -> Option<IdentitySource> {
    const SESSION: &str = "i-0123456789abcdef0";
    let noted = input.cluster.entries.iter().find(|entry| entry.principal.without_path() == arn.without_path());
    let unique_id = input.known.get(arn).and_then(|facts| facts.unique_id.clone());
    let caller = Caller {
        principal: arn.clone(),
        arn: arn.to_string(),
        unique_id: unique_id.or_else(|| noted?.unique_id.clone()).unwrap_or_else(|| "UNKNOWN".to_owned()),
        session_name: if arn.is_role() { SESSION.to_owned() } else { String::new() },
        access_key_id: "AKIDEXAMPLE".to_owned(),
    };
    Some(snapshot.identity(&caller, Some("ip-10-0-0-1.ec2.internal"), input.now)?.source)
}
