//! The EKS API: restJson1, exactly as AWS's clients expect it.
//!
//! One file for each kind of thing. Every operation asks IAM first, with the condition keys of its request; then come
//! the checks, in EKS's order and words; then one transaction holds the change and its audit record; and the answer
//! waits until this process decides by the change.

mod audit_event;
mod body;
mod call;
mod cluster;
mod cluster_record;
mod entries;
mod entry;
mod entry_record;
mod error;
mod operation;
mod outside;
mod own_policy;
mod page;
mod policy;
mod request_token;
mod shapes;
mod sign_in;
mod tag;
mod tags;
mod time;
mod update;
mod version;

pub(crate) use call::{Answer, Call};
pub(crate) use cluster::{NewCluster, creator_entry, write_new};
pub(crate) use cluster_record::{ClusterRecord, Creator, Status};
pub(crate) use entry::MAX_ENTRIES;
pub(crate) use entry_record::{AssociationRecord, EntryRecord, entry_arn};
pub(crate) use error::{EksError, Fault};
pub(crate) use operation::{Operation, Target, route};
pub(crate) use page::PageSecret;
pub(crate) use request_token::is_over as request_token_is_over;
pub(crate) use shapes::{Settings, VpcConfig};
pub(crate) use tags::{Tags, check as check_tags};
pub(crate) use update::last_update;
pub(crate) use version::DEFAULT_VERSION;

/// Answers a call.
pub(crate) async fn answer(call: &Call<'_>) -> Result<Answer, EksError> {
    match call.operation() {
        Operation::ListAccessPolicies => policy::list_all(call).await,
        Operation::CreateAccessEntry => entry::create(call).await,
        Operation::DescribeAccessEntry => entry::describe(call).await,
        Operation::UpdateAccessEntry => entry::update(call).await,
        Operation::DeleteAccessEntry => entry::delete(call).await,
        Operation::ListAccessEntries => entry::list(call).await,
        Operation::AssociateAccessPolicy => policy::associate(call).await,
        Operation::DisassociateAccessPolicy => policy::disassociate(call).await,
        Operation::ListAssociatedAccessPolicies => policy::list_associated(call).await,
        Operation::CreateCluster => cluster::create(call).await,
        Operation::DescribeCluster => cluster::describe(call).await,
        Operation::DeleteCluster => cluster::delete(call).await,
        Operation::ListClusters => cluster::list(call).await,
        Operation::UpdateClusterConfig => update::update_config(call).await,
        Operation::UpdateClusterVersion => update::update_version(call).await,
        Operation::DescribeUpdate => update::describe(call).await,
        Operation::ListUpdates => update::list(call).await,
        Operation::TagResource => tag::tag(call).await,
        Operation::UntagResource => tag::untag(call).await,
        Operation::ListTagsForResource => tag::list(call).await,
        Operation::DescribeClusterVersions => version::describe(call).await,
        Operation::PutPolicy => own_policy::put(call).await,
        Operation::GetPolicy => own_policy::get(call).await,
        Operation::ListPolicies => own_policy::list(call).await,
        Operation::DeletePolicy => own_policy::delete(call).await,
        Operation::ListAuditEvents => audit_event::list(call).await,
        Operation::ListSignIns => sign_in::list(call).await,
        Operation::DescribeAccessEntries => entries::describe(call).await,
        Operation::Outside(name) => Err(EksError::new(
            Fault::InvalidRequest,
            format!(
                "{name} is not supported: Entryway manages clusters and the access to them; node groups, add-ons, \
                 Fargate profiles, pod identities and the like are not part of it"
            ),
        )),
    }
}
