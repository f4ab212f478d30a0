//! What is in force on one cluster, kept current.
//!
//! A keeper task watches the cluster's records and objects in the store and swaps in a new compiled snapshot after
//! each change (or burst of changes). Decisions load the snapshot without a lock and never wait for the keeper. When
//! history is gone or the store fails, it lists everything again; until then the last snapshot stays in force:
//! nothing that could not be read grants anybody anything new.

#[cfg(test)]
mod tests;
mod world;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use arc_swap::ArcSwap;
use entryway_access::{PolicyCatalogue, Snapshot};
use entryway_store::{ChangeBatch, Revision, Store, StoreError};
use futures::FutureExt;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use self::world::{Sources, Watches, World};
use crate::eks::ClusterRecord;
use crate::keys::Place;

/// Where a snapshot's parts come from; each is watched for itself, and so has a revision that it has reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    /// The cluster's record.
    Record,
    /// Its access entries.
    Entries,
    /// The place's own access policies.
    Policies,
    /// RBAC objects and aws-auth.
    Objects,
}

impl Part {
    const ALL: [Part; 4] = [Part::Record, Part::Entries, Part::Policies, Part::Objects];
}

/// How long an answer waits for its change to be in force.
const PATIENCE: Duration = Duration::from_secs(10);
/// How many batches are taken in before a new snapshot is swapped in.
const BURST: usize = 256;
/// How long the keeper waits before it tries a failing store again.
const PAUSE: Duration = Duration::from_millis(200);

/// The snapshot of one cluster.
pub(crate) struct Runtime {
    current: ArcSwap<Snapshot>,
    entries: AtomicUsize,
    reached: [watch::Sender<Revision>; 4],
}

impl Runtime {
    /// Compiles what is in the store, and keeps it current for as long as somebody holds the runtime and nobody aborts
    /// the keeper.
    pub(crate) async fn start(
        store: Arc<dyn Store>,
        place: &Place,
        record: &ClusterRecord,
        catalogue: PolicyCatalogue,
    ) -> Result<(Arc<Runtime>, JoinHandle<()>), StoreError> {
        let sources = Sources::new(place, record);
        let (world, watches) = World::load(store.as_ref(), &sources, &catalogue).await?;
        let runtime = Arc::new(Runtime {
            current: ArcSwap::from_pointee(world.snapshot.clone()),
            entries: AtomicUsize::new(world.entries),
            reached: [(); 4].map(|()| watch::Sender::new(world.revision)),
        });
        let keeper = Keeper { store, sources, catalogue, runtime: Arc::downgrade(&runtime) };
        let keeper = tokio::spawn(keeper.run(world, watches));
        Ok((runtime, keeper))
    }

    /// What is in force now.
    pub(crate) fn current(&self) -> Arc<Snapshot> {
        self.current.load_full()
    }

    /// How many entries the cluster has.
    pub(crate) fn entry_count(&self) -> usize {
        self.entries.load(Ordering::Acquire)
    }

    /// The last revision whose changes of entries are in [`Runtime::current`].
    pub(crate) fn entries_revision(&self) -> Revision {
        let [_, entries, _, _] = &self.reached;
        *entries.borrow()
    }

    /// Returns once [`Runtime::current`] holds every change of `part` up to `revision`.
    pub(crate) async fn reached(&self, part: Part, revision: Revision) -> Result<(), NotReached> {
        let [record, entries, policies, objects] = &self.reached;
        let sender = match part {
            Part::Record => record,
            Part::Entries => entries,
            Part::Policies => policies,
            Part::Objects => objects,
        };
        let mut receiver = sender.subscribe();
        let waiting = receiver.wait_for(|reached| *reached >= revision);
        match tokio::time::timeout(PATIENCE, waiting).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(NotReached { part, revision }),
        }
    }

    /// `changed`: whether there is anything new. If not, the snapshot stays the very same one: what others made of it
    /// they know by that to be true still.
    fn publish(&self, world: &World, changed: bool, reached: [Revision; 4]) {
        if changed {
            self.entries.store(world.entries, Ordering::Release);
            self.current.store(Arc::new(world.snapshot.clone()));
        }
        for (sender, revision) in self.reached.iter().zip(reached) {
            sender.send_if_modified(|now| std::mem::replace(now, revision.max(*now)) < revision);
        }
    }
}

/// A change is durable, but not known to be in force in this process.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the change of revision {revision} ({part:?}) is stored, but was not in force within 10 seconds")]
pub(crate) struct NotReached {
    part: Part,
    revision: Revision,
}

/// The task that keeps a runtime current.
struct Keeper {
    store: Arc<dyn Store>,
    sources: Sources,
    catalogue: PolicyCatalogue,
    /// When nobody holds it any more, the keeper ends.
    runtime: Weak<Runtime>,
}

impl Keeper {
    async fn run(self, mut world: World, mut watches: Watches) {
        loop {
            match self.follow(&mut world, &mut watches).await {
                Ok(()) => return,
                Err(StoreError::Compacted { .. }) => tracing::info!("fell behind; listing again"),
                Err(error) => {
                    tracing::error!(%error, "the store can't be watched; what is in force stays in force");
                    tokio::time::sleep(PAUSE).await;
                }
            }
            (world, watches) = loop {
                let Some(runtime) = self.runtime.upgrade() else { return };
                match World::load(self.store.as_ref(), &self.sources, &self.catalogue).await {
                    Ok((world, watches)) => {
                        runtime.publish(&world, true, [world.revision; 4]);
                        break (world, watches);
                    }
                    Err(error) => tracing::error!(%error, "the store can't be listed; what is in force stays in force"),
                }
                drop(runtime);
                tokio::time::sleep(PAUSE).await;
            };
        }
    }

    /// Follows the watches until one fails (`Err`) or nobody needs it any more (`Ok`).
    async fn follow(&self, world: &mut World, watches: &mut Watches) -> Result<(), StoreError> {
        let mut reached = [world.revision; 4];
        while !world.gone {
            let (part, batch) = next(watches).await?;
            let mut changed = false;
            let mut take = |world: &mut World, part: Part, batch: ChangeBatch| {
                changed |= !batch.changes.is_empty();
                world.apply(&self.sources, &self.catalogue, part, &batch.changes);
                if let Some(reached) = reached.get_mut(part as usize) {
                    *reached = batch.revision.max(*reached);
                }
            };
            take(world, part, batch);
            // Whatever is waiting already goes into the same snapshot.
            for _ in 0..BURST {
                match next(watches).now_or_never() {
                    Some(more) => {
                        let (part, batch) = more?;
                        take(world, part, batch);
                    }
                    None => break,
                }
            }
            world.finish();
            let Some(runtime) = self.runtime.upgrade() else { return Ok(()) };
            // Nobody has to wait for a cluster that is gone.
            runtime.publish(world, changed, if world.gone { [Revision::MAX; 4] } else { reached });
        }
        Ok(())
    }
}

/// The next batch of any part. Cancel-safe, as the watches are.
async fn next(watches: &mut Watches) -> Result<(Part, ChangeBatch), StoreError> {
    let [record, entries, policies, objects] = watches;
    Ok(tokio::select! {
        batch = record.next() => (Part::Record, batch?),
        batch = entries.next() => (Part::Entries, batch?),
        batch = policies.next() => (Part::Policies, batch?),
        batch = objects.next() => (Part::Objects, batch?),
    })
}
