//! Off aws-auth: the entries that do what its lines do, the proof of it by the core, and what can't be carried
//! over, with the nearest safe proposal.
//!
//! Which line is in force for whom is the core's answer; what a line becomes is in `line`. Nothing is
//! deleted before [`Migration::finish`], which is also where EKS's way back ends.

mod line;
mod model;
mod proposal;

use std::collections::BTreeMap;

use entryway_access::{
    AccountId, AuthenticationMode, AwsAuth, Caller, IdentitySource, MappedPrincipal, Mapping, Position, PrincipalArn,
    Snapshot,
};
use entryway_analysis::{Subject, compare};
use entryway_formats::Place;

use crate::diff::{Draft, create_missing, diff_mode};
use crate::order::Phase;
use crate::plan::{assemble, finish as finish_plan, once_the_api_is_on};
use crate::{Action, ActualCluster, DesiredCluster, DesiredEntry, PlanOptions, World};

pub use model::{
    Fate, LineReport, LineSource, LookedUp, Migration, MigrationInput, MigrationPhase, NotCarried, Verification,
};

use line::{Carried, carry};
use proposal::for_account;

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
            diff_mode(cluster, &wanted, &mut draft);
            // A migration adds: what files manage, and the rules they brought, are not its business.
            let base = once_the_api_is_on(cluster, &draft, input.now);
            create_missing(&base, &wanted, base.mode != cluster.mode, &mut draft);
            assemble(cluster, draft, Vec::new(), input.protected, &world, &options)
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
    let mut comparison =
        compare(&Snapshot::compile(cluster.model()), &Snapshot::compile(end.model()), input.known, input.now);
    // Principals of other partitions never sign in, whatever a line says of them.
    comparison.retain(|one| match &one.subject {
        Subject::Principal(arn) => arn.partition() == cluster.arn.partition,
        Subject::OthersOf(_) => true,
    });
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
    diff_mode(applied, &wanted, &mut draft);
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

    /// What the parser dropped before it became a line; of what is odd and in force all the same, a note.
    fn read_broken(&mut self) {
        for (problem, place) in self.input.problems.iter().filter(|(problem, _)| !problem.dropped) {
            let source = source(&problem.key, problem.position, place.as_ref());
            self.notes.push(format!("{source}: {}", problem.message));
        }
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
