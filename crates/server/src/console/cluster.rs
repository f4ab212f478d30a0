//! The list of clusters, and what the pages of one have in common.

use std::sync::Arc;

use axum::http::StatusCode;
use entryway_access::{Region, Snapshot};
use entryway_store::{KeyValue, ListOptions, Revision};
use maud::{Markup, html};
use serde_json::Value;

use super::act::{self, cluster_path};
use super::analysis::{self, Seen};
use super::findings;
use super::kept::People;
use super::page::{Page, Problem, Reply};
use super::part;
use super::visit::Visit;
use super::words;
use crate::clusters::Running;
use crate::eks::{ClusterRecord, EksError, EntryRecord};
use crate::keys::Place;

/// A cluster that the visitor may see.
pub(super) struct Cluster {
    pub(super) place: Place,
    pub(super) record: ClusterRecord,
    pub(super) running: Arc<Running>,
    /// What is in force now.
    pub(super) snapshot: Arc<Snapshot>,
}

/// An entry's record, and the revision that it was last written at.
pub(super) struct Found {
    pub(super) record: EntryRecord,
    pub(super) modified: Revision,
}

/// Finds a cluster, as DescribeCluster would.
pub(super) async fn find(visit: &Visit<'_>, region: &str, name: &str) -> Result<Cluster, Problem> {
    let decoded = |text: &str| percent_encoding::percent_decode_str(text).decode_utf8().map(|text| text.into_owned());
    let (Ok(region), Ok(name)) = (decoded(region), decoded(name)) else { return Err(Problem::missing()) };
    let region: Region = region.parse().map_err(|_| Problem::missing())?;
    let place = visit.place(region);
    act::eks(visit, &place, "GET", &cluster_path(&name, ""), "", &Value::Null).await?;
    let found = visit.plane.store.get(&place.cluster(&name)).await?.ok_or_else(|| EksError::no_cluster(&name))?;
    let record = ClusterRecord::parse(&found.value).map_err(EksError::internal)?;
    let running = visit.plane.clusters.get(&place, &name).ok_or_else(|| EksError::no_cluster(&name))?;
    let snapshot = running.runtime.current();
    Ok(Cluster { place, record, running, snapshot })
}

impl Cluster {
    /// The URL of one of its pages.
    pub(super) fn url(&self, rest: &str) -> String {
        url(&self.place, &self.record.name, rest)
    }

    /// The page of one of its tabs.
    pub(super) fn page(&self, tab: &str, title: impl Into<String>, content: Markup) -> Page {
        let tabs = [
            ("Access", "access"),
            ("Policies", "policies"),
            ("Who can…", "who-can"),
            ("Matrix", "matrix"),
            ("Findings", "findings"),
            ("Paths", "paths"),
            ("Resources", "resources"),
        ];
        let tabs = tabs.map(|(text, own)| (text, self.url(&format!("/{own}")), own == tab)).to_vec();
        super::page(title, content)
            .crumb("Clusters", "/console")
            .crumb(self.record.name.clone(), self.url("/access"))
            .tabs(tabs)
    }

    /// What the page watches: the cluster, its entries and its RBAC; with `objects`, all of its objects.
    pub(super) fn live(&self, objects: bool) -> String {
        let objects = if objects { "&objects=on" } else { "" };
        format!("/console/live?region={}&cluster={}{objects}", self.place.region, self.record.name)
    }

    /// What a page of findings watches: also what else they are made of.
    pub(super) fn live_findings(&self) -> String {
        format!("{}&findings=on", self.live(false))
    }

    /// Whether an operation on the cluster is worth offering.
    pub(super) fn offers(&self, visit: &Visit<'_>, operation: &str) -> bool {
        offers(visit, &self.place, &self.record, operation)
    }

    /// Whether the visitor may see what everybody may do in it.
    pub(super) fn sees_access(&self, visit: &Visit<'_>) -> bool {
        sees_access(visit, &self.place, &self.record)
    }

    /// What is found in it, as far as the visitor may know of it.
    pub(super) async fn analysis(&self, visit: &Visit<'_>) -> Result<Seen, Problem> {
        analysis::of(visit, &self.place, &self.record, &self.running).await
    }

    /// The same, for a page that the visitor may see without it.
    pub(super) async fn analysis_if_seen(&self, visit: &Visit<'_>) -> Result<Option<Seen>, Problem> {
        Ok(if self.sees_access(visit) { Some(self.analysis(visit).await?) } else { None })
    }

    /// Whether an operation on an entry is worth offering.
    pub(super) fn offers_on(&self, visit: &Visit<'_>, operation: &str, entry: &EntryRecord) -> bool {
        visit.may(&format!("eks:{operation}"), &entry.arn, |context| {
            context.set("eks:clusterName", self.record.name.as_str());
            context.set("eks:principalArn", entry.principal.as_str());
            context.set("eks:accessEntryType", entry.kind.as_str());
            context.set("eks:username", entry.username.as_str());
            context.set_all("eks:kubernetesGroups", entry.groups.iter().cloned());
            for (key, value) in &entry.tags {
                context.set(&format!("aws:ResourceTag/{key}"), value.as_str());
            }
        })
    }

    /// All entries, by ARN.
    pub(super) async fn entries(&self, visit: &Visit<'_>) -> Result<Arc<Vec<EntryRecord>>, Problem> {
        let (kept, id) = (&visit.plane.console.kept, &self.record.id);
        let revision = self.running.runtime.entries_revision();
        if let Some(records) = kept.records(id, revision) {
            return Ok(records);
        }
        let prefix = self.place.entries(&self.record.name);
        let items = visit.plane.store.list(&prefix, ListOptions::default()).await?.items;
        let records: Vec<EntryRecord> = items.iter().filter_map(|item| EntryRecord::parse(&item.value).ok()).collect();
        let records = Arc::new(records);
        kept.put_records(id, revision, &records);
        Ok(records)
    }

    /// Everybody whom the cluster names.
    pub(super) fn people(&self, visit: &Visit<'_>) -> Arc<People> {
        visit.plane.console.kept.people(&self.record.id, &self.snapshot, visit.now)
    }

    /// An entry, as DescribeAccessEntry would tell it.
    pub(super) async fn entry(&self, visit: &Visit<'_>, principal: &str) -> Result<Found, Problem> {
        let path = act::entry_path(&self.record.name, principal, "");
        act::eks(visit, &self.place, "GET", &path, "", &Value::Null).await?;
        self.stored_entry(visit, principal).await?.ok_or_else(|| EksError::no_entry().into())
    }

    /// An entry's record, without asking whether the visitor may see it.
    pub(super) async fn stored_entry(&self, visit: &Visit<'_>, principal: &str) -> Result<Option<Found>, Problem> {
        let key = self.place.entry(&self.record.name, principal);
        if key.len() > entryway_store::MAX_KEY_BYTES {
            return Ok(None);
        }
        let Some(found) = visit.plane.store.get(&key).await? else { return Ok(None) };
        let record = EntryRecord::parse(&found.value).map_err(EksError::internal)?;
        Ok(Some(Found { record, modified: found.modified }))
    }
}

fn offers(visit: &Visit<'_>, place: &Place, record: &ClusterRecord, operation: &str) -> bool {
    visit.may(&format!("eks:{operation}"), &record.arn(place), |context| {
        context.set("eks:clusterName", record.name.as_str());
        for (key, value) in &record.tags {
            context.set(&format!("aws:ResourceTag/{key}"), value.as_str());
        }
    })
}

fn url(place: &Place, name: &str, rest: &str) -> String {
    format!("/console/clusters/{}/{name}{rest}", place.region)
}

/// `GET /console`.
pub(super) async fn list(visit: &Visit<'_>) -> Result<Reply, Problem> {
    let all = crate::plane::all_clusters(visit.plane.store.as_ref()).await?;
    let own: Vec<(Place, KeyValue)> =
        all.into_iter().filter(|(place, _)| place.account == *visit.who.account()).collect();
    let may_list = |place: &Place| {
        visit.may("eks:ListClusters", &place.arn("cluster/*"), |_| {}) || visit.may("eks:ListClusters", "*", |_| {})
    };
    let regions: std::collections::BTreeMap<&Place, bool> =
        own.iter().map(|(place, _)| (place, may_list(place))).collect();
    let mut rows = Vec::new();
    for (place, item) in &own {
        let Ok(record) = ClusterRecord::parse(&item.value) else { continue };
        let described = visit.may("eks:DescribeCluster", &record.arn(place), |context| {
            context.set("eks:clusterName", record.name.as_str());
        });
        if described || regions.get(place).copied().unwrap_or(false) {
            rows.push(row(visit, place, &record, described).await?);
        }
    }
    let content = html! {
        @if rows.is_empty() && own.is_empty() {
            (part::empty(words::NO_CLUSTERS, html! { p { "Make one: " code { "entryway clusters create demo" } } }))
        } @else if rows.is_empty() {
            (part::empty(words::NO_CLUSTER_SEEN, html! { p { (words::DENIED_HINT) } }))
        } @else {
            table.cards {
                caption.unseen { "Clusters" }
                thead { tr { th scope="col" { "Cluster" } th scope="col" { "Region" } th scope="col" { "Mode" } th scope="col" { "Entries" } th scope="col" { "Findings" } th scope="col" { "Last change of the cluster" } } }
                tbody { @for row in &rows { (row) } }
            }
        }
    };
    Ok(super::page("Clusters", content).live("/console/live").into())
}

async fn row(visit: &Visit<'_>, place: &Place, record: &ClusterRecord, described: bool) -> Result<Markup, Problem> {
    // `None` for who may not know.
    let changed = match described && offers(visit, place, record, "DescribeUpdate") {
        true => Some(crate::eks::last_update(visit.plane.store.as_ref(), place, &record.name).await?),
        false => None,
    };
    let running = visit.plane.clusters.get(place, &record.name);
    let analysis = match &running {
        Some(running) if described && sees_access(visit, place, record) => {
            Some(analysis::of(visit, place, record, running).await?)
        }
        Some(_) | None => None,
    };
    Ok(html! {
        tr {
            th scope="row" data-label="Cluster" { @if described { a href=(url(place, &record.name, "/access")) { (record.name) } } @else { (record.name) } }
            td data-label="Region" { (place.region.to_string()) }
            @if described {
                td data-label="Mode" { (mode_badge(&record.mode)) }
                td data-label="Entries" { @if let Some(running) = &running { (running.runtime.entry_count()) } @else { (part::badge("bad", "not running")) } }
                td data-label="Findings" { (findings::counts(visit, analysis.as_ref(), &url(place, &record.name, "/findings"))) }
                td data-label="Last change" { (part::time(changed.flatten().unwrap_or(record.created_at), visit.now)) @match changed { Some(Some(_)) => "", Some(None) => { br; span.muted { (words::NOT_CHANGED_SINCE) } }, None => { br; span.muted { (words::MADE) } } } }
            } @else {
                td colspan="4" { span.muted { (words::NOT_DESCRIBED) } }
            }
        }
    })
}

/// Whether somebody may list and describe a cluster's entries, and so see what everybody may do in it.
fn sees_access(visit: &Visit<'_>, place: &Place, record: &ClusterRecord) -> bool {
    let entries = place.arn(format_args!("access-entry/{}/*", record.name));
    let describes = visit.may("eks:DescribeAccessEntry", &entries, |context| {
        context.set("eks:clusterName", record.name.as_str());
    });
    describes && offers(visit, place, record, "ListAccessEntries")
}

/// What everybody may do in a cluster may be seen by who may list and describe its entries.
pub(super) fn may_see_access(visit: &Visit<'_>, cluster: &Cluster) -> Result<(), Problem> {
    if cluster.sees_access(visit) {
        return Ok(());
    }
    let text = words::NOT_ALL_ENTRIES;
    Err(Problem::new(StatusCode::FORBIDDEN, text, words::DENIED_HINT))
}

/// A mode, with a colour where aws-auth still counts.
pub(super) fn mode_badge(mode: &str) -> Markup {
    part::badge(if mode == "API" { "good" } else { "warn" }, mode)
}

/// A page of a cluster that says what is wrong with what was asked.
pub(super) fn unprocessable(page: Page) -> Page {
    page.status(StatusCode::UNPROCESSABLE_ENTITY)
}
