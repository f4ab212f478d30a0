//! What is found in a cluster, kept until something changes: the findings and the graph of who can become whom.
//!
//! Of a small cluster it is found while the visitor waits. A large one takes a second: its pages show what was found
//! last, say of when it is, and are renewed once it is found anew. Nothing that was is shown as if it still were.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use entryway_access::{PrincipalArn, Snapshot};
use entryway_analysis::KnownPrincipals;
use entryway_analysis::finding::{Finding, Findings, Holder, Standing, Surroundings, findings};
use entryway_analysis::path::Graph;
use jiff::Timestamp;
use maud::{Markup, html};
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

use super::page::Problem;
use super::surroundings::{Around, Marks};
use super::visit::Visit;
use super::{part, words};
use crate::clusters::Running;
use crate::eks::ClusterRecord;
use crate::keys::Place;

/// So many entries and bindings are looked at while the visitor waits: it takes some 20 ms.
const SMALL: usize = 500;
/// How long a page of a large cluster waits.
const PATIENCE: Duration = Duration::from_millis(30);
/// How long a page of a small cluster waits: nobody sees the end of it, short of a machine that stands still.
const LONG: Duration = Duration::from_secs(20);

/// What was found.
#[derive(Debug)]
pub(super) struct Analysis {
    pub(super) findings: Findings,
    pub(super) graph: Graph,
    /// The places in `findings` of those to work through, by principal without its path.
    by_principal: HashMap<PrincipalArn, Vec<usize>>,
}

/// What is known of a cluster now.
#[derive(Debug, Clone)]
pub(super) enum Seen {
    /// It is so.
    Now(Arc<Analysis>),
    /// It was so then; what is so now is being found.
    Then(Arc<Analysis>, Timestamp),
    /// Nothing was found before; it is being found.
    NotYet,
}

impl Seen {
    /// What was found last.
    pub(super) fn last(&self) -> Option<&Analysis> {
        match self {
            Seen::Now(analysis) | Seen::Then(analysis, _) => Some(analysis),
            Seen::NotYet => None,
        }
    }

    /// Says that it is not of now, and has the page renewed.
    pub(super) fn notice(&self, visit: &Visit<'_>) -> Markup {
        html! {
            @match self {
                Seen::Now(_) => "",
                Seen::Then(_, at) => p.notice.changed data-renew { (words::FOUND_THEN) " " (part::exact(*at)) ". " (words::FINDING_OUT) " " a href=(visit.here()) { (words::SHOW_AGAIN) } },
                Seen::NotYet => p.notice.changed data-renew { (words::FINDING_OUT) " " a href=(visit.here()) { (words::SHOW_AGAIN) } },
            }
        }
    }
}

/// What an analysis was made of.
#[derive(Debug, Clone)]
struct Basis {
    snapshot: Arc<Snapshot>,
    marks: Marks,
    at: Timestamp,
    /// The same moment, of a clock that goes forward alone.
    begun: Instant,
}

#[derive(Debug)]
struct Kept {
    basis: Basis,
    /// From then on something has ended.
    until: Option<Timestamp>,
    analysis: Arc<Analysis>,
}

impl Kept {
    /// Whether it holds for what is there now: it was made of just that, or begun later still.
    fn is_of(&self, now: &Basis) -> bool {
        let is_same = Arc::ptr_eq(&self.basis.snapshot, &now.snapshot) && self.basis.marks == now.marks;
        let is_of_now = self.basis.at <= now.at && self.until.is_none_or(|until| now.at < until);
        (is_same && is_of_now) || self.basis.begun >= now.begun
    }
}

/// The cluster's id, and which parts of the surroundings it tells of.
type Key = (String, [bool; 3]);

#[derive(Debug, Default)]
struct Slot {
    last: Option<Kept>,
    /// Closed once the analysis that is being made is there. One is made at a time.
    making: Option<watch::Receiver<()>>,
}

/// The analyses that were made last.
#[derive(Debug, Clone, Default)]
pub(crate) struct Analyses(Arc<Mutex<HashMap<Key, Slot>>>);

impl Analyses {
    fn seen(&self, key: &Key, now: &Basis) -> Seen {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match all.get(key).and_then(|slot| slot.last.as_ref()) {
            Some(kept) if kept.is_of(now) => Seen::Now(Arc::clone(&kept.analysis)),
            Some(kept) => Seen::Then(Arc::clone(&kept.analysis), kept.basis.at),
            None => Seen::NotYet,
        }
    }

    /// What is being made, begun where nothing is; `None` where there is nothing to begin with either.
    fn make(&self, key: &Key, now: &Basis, around: &mut Option<Around>) -> Option<watch::Receiver<()>> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let slot = all.entry(key.clone()).or_default();
        if let Some(making) = slot.making.as_ref().filter(|making| making.has_changed().is_ok()) {
            return Some(making.clone());
        }
        let around = around.take()?;
        let (done, making) = watch::channel(());
        slot.making = Some(making.clone());
        let (own, key, basis) = (self.clone(), key.clone(), now.clone());
        tokio::spawn(async move {
            match Analysis::make(around, basis).await {
                Ok(kept) => own.keep(key, kept),
                Err(error) => tracing::error!(%error, "a cluster could not be analysed"),
            }
            drop(done);
        });
        Some(making)
    }

    fn keep(&self, key: Key, kept: Kept) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(key).or_default().last = Some(kept);
    }

    /// Forgets clusters that are gone.
    fn sweep(&self, is_there: impl Fn(&str) -> bool) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|(cluster, _), _| is_there(cluster));
    }
}

/// What is found in a cluster, as far as the visitor may know of it.
pub(super) async fn of(
    visit: &Visit<'_>,
    place: &Place,
    record: &ClusterRecord,
    running: &Running,
) -> Result<Seen, Problem> {
    let begun = Instant::now();
    let snapshot = running.runtime.current();
    let around = Around::read(visit, place, record, &snapshot).await?;
    let key = (record.id.clone(), around.parts());
    let size = running.runtime.entry_count().saturating_add(snapshot.rbac().bindings.len());
    let basis = Basis { snapshot, marks: around.marks(), at: visit.now, begun };
    let all = &visit.plane.console.analyses;
    all.sweep(|id| visit.plane.clusters.has_id(id));
    let deadline = begun + if size <= SMALL { LONG } else { PATIENCE };
    let mut around = Some(around);
    loop {
        let seen = all.seen(&key, &basis);
        if matches!(seen, Seen::Now(_)) {
            return Ok(seen);
        }
        let Some(mut made) = all.make(&key, &basis, &mut around) else { return Ok(seen) };
        if timeout_at(deadline, made.changed()).await.is_err() {
            return Ok(all.seen(&key, &basis));
        }
    }
}

impl Analysis {
    async fn make(around: Around, basis: Basis) -> Result<Kept, tokio::task::JoinError> {
        let (around, known) = around.known(&basis.snapshot, basis.at).await;
        // Up to a second for ten thousand entries: not on a thread that others wait for.
        let made = tokio::task::spawn_blocking(move || {
            let analysis = Arc::new(Analysis::new(&basis.snapshot, &around, &known, basis.at));
            let until = basis.snapshot.ends().filter(|end| *end > basis.at).min();
            Kept { basis, until, analysis }
        });
        made.await
    }

    fn new(state: &Snapshot, around: &Surroundings, known: &KnownPrincipals, now: Timestamp) -> Analysis {
        let findings = findings(state, around, known, now);
        let mut by_principal: HashMap<PrincipalArn, Vec<usize>> = HashMap::new();
        for (index, finding) in findings.all.iter().enumerate() {
            if let (Holder::Principal(arn), Standing::Own) = (&finding.holder, finding.standing) {
                by_principal.entry(arn.without_path()).or_default().push(index);
            }
        }
        Analysis { findings, graph: Graph::of(state, around, known, now), by_principal }
    }

    /// What is to be worked through of a principal, the worst first.
    pub(super) fn of_principal(&self, principal: &str) -> Vec<&Finding> {
        let arn = principal.parse::<PrincipalArn>().ok();
        let found = arn.and_then(|arn| self.by_principal.get(&arn.without_path()));
        found.into_iter().flatten().filter_map(|index| self.findings.all.get(*index)).collect()
    }
}
