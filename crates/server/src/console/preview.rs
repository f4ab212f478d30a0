//! What a change would mean: who gains and who loses what, and whether it locks people out. Both are the answers of
//! the crate `entryway-analysis`.

use entryway_access::Snapshot;
use entryway_analysis::{Ability, Difference, KnownPrincipals, LockOut, LockOutReason, compare, lines};
use maud::{Markup, html};

use super::cluster::Cluster;
use super::visit::Visit;
use super::{part, words};

/// The most principals that are listed.
const MOST: usize = 100;
/// The most administrators that are named in a reason.
const MOST_NAMED: usize = 10;
/// The most lines for one of them.
const MOST_LINES: usize = 40;

/// Why a change is refused, if it is.
pub(super) fn lock_out(visit: &Visit<'_>, cluster: &Cluster, after: &Snapshot) -> Option<LockOut> {
    let caller = visit.who.principal();
    entryway_analysis::lock_out(&cluster.snapshot, after, Some(caller), &[], &KnownPrincipals::default(), visit.now)
}

/// A reason; of thousands of administrators a few are named.
pub(super) fn reason(reason: &LockOutReason) -> String {
    match reason {
        LockOutReason::NobodyAdministers { before } if before.len() > MOST_NAMED => {
            let few = before.iter().take(MOST_NAMED).cloned().collect();
            let others = before.len() - MOST_NAMED;
            format!("{} and {others} others", LockOutReason::NobodyAdministers { before: few })
        }
        LockOutReason::WhenEndsAreOver(late) => format!("when what has an end is over, {}", self::reason(late)),
        other => other.to_string(),
    }
}

/// Who gains and who loses what.
pub(super) fn effect(visit: &Visit<'_>, cluster: &Cluster, after: &Snapshot) -> Markup {
    let all = compare(&cluster.snapshot, after, &KnownPrincipals::default(), visit.now);
    // A change of one entry is about its principal; more is for who may see all entries.
    if all.len() > 1 && super::cluster::may_see_access(visit, cluster).is_err() {
        return html! { p.notice { (words::NOT_SEEN) } };
    }
    html! {
        section aria-labelledby="effect" {
            h2 #effect { "Who gains, who loses" }
            @if all.is_empty() { p { (words::NOTHING_CHANGES) } }
            @for difference in all.iter().take(MOST) { (one(difference)) }
            @if all.len() > MOST { p.muted { "and " (all.len() - MOST) " more principals" } }
        }
    }
}

fn one(difference: &Difference) -> Markup {
    let sign_in = match (&difference.before, &difference.after) {
        (None, Some(_)) => Some(("good", "gets in")),
        (Some(_), None) => Some(("bad", "is shut out")),
        (Some(before), Some(after)) if before != after => Some(("warn", "is called otherwise")),
        (Some(_) | None, _) => None,
    };
    html! {
        article.effect {
            h3 { (super::entries::principal(&difference.subject.to_string())) @if let Some(session) = &difference.session { " " span.muted { "in sessions named " code { (session) } } } }
            @if let Some((kind, text)) = sign_in { p { (part::badge(kind, text)) @if let Some(after) = &difference.after { " as " code { (after.username) } @if !after.groups.is_empty() { ", in " (part::words(&after.groups)) } } } }
            (abilities("gains", "good", "Gains", &difference.gains))
            (abilities("loses", "bad", "Loses", &difference.loses))
        }
    }
}

fn abilities(class: &str, kind: &str, title: &str, abilities: &[Ability]) -> Markup {
    let lines = lines(abilities);
    html! {
        @if !lines.is_empty() {
            div class=(class) {
                p { (part::badge(kind, title)) }
                ul { @for line in lines.iter().take(MOST_LINES) { li { (part::spaced(line)) } } }
                @if lines.len() > MOST_LINES { p.muted { "and " (lines.len() - MOST_LINES) " lines more" } }
            }
        }
    }
}
