//! Roles, users and groups, as calls name them: what most operations begin with, and how they are told.

use entryway_directory::{DirectoryError, EntityPath, Group, Holder, Name, Role, Tagged, Tags, User};
use entryway_iam::policy::Context;
use entryway_iam::sigv4::uri_encode;

use super::super::QueryError;
use super::super::xml::{Xml, second};
use super::{Call, request_tags, resource_tags};

/// A role, a user or a group, as the API speaks of it.
pub(super) trait Named: Holder {
    /// `RoleName`, `UserName` or `GroupName`.
    const NAME: &'static str;

    /// A name that something is looked for by.
    fn existing(name: &str) -> Result<Name, DirectoryError>;
}

impl Named for Role {
    const NAME: &'static str = "RoleName";
    fn existing(name: &str) -> Result<Name, DirectoryError> {
        Name::role(name)
    }
}

impl Named for User {
    const NAME: &'static str = "UserName";
    fn existing(name: &str) -> Result<Name, DirectoryError> {
        Name::existing_user(name)
    }
}

impl Named for Group {
    const NAME: &'static str = "GroupName";
    fn existing(name: &str) -> Result<Name, DirectoryError> {
        Name::group(name)
    }
}

impl Call<'_> {
    /// The name that the call is about.
    pub(super) fn name<H: Named>(&self) -> Result<Name, QueryError> {
        Ok(H::existing(self.parameters().required(H::NAME)?)?)
    }

    /// Authorises the call on a role, user or group, and gives it if it is there. What the caller may not ask about, it is
    /// not told the absence of either.
    pub(super) async fn authorized<H: Named>(
        &self,
        name: &Name,
        facts: impl FnOnce(&mut Context),
    ) -> Result<H, QueryError> {
        let found = self.account().find::<H>(name).await?;
        let arn = match &found {
            Some(holder) => self.account().arn(holder),
            None => self.account().arn_of::<H>(&EntityPath::default(), name),
        };
        self.authorize(&arn, &format!("{} {name}", H::KIND), |context| {
            if let Some(holder) = &found {
                if let Some(tags) = holder.tags() {
                    resource_tags(context, tags);
                }
                if let Some(boundary) = &holder.grants().boundary {
                    context.set("iam:PermissionsBoundary", boundary.as_str());
                }
            }
            facts(context);
        })?;
        match found {
            Some(holder) => Ok(holder),
            None => Ok(self.account().get::<H>(name).await?),
        }
    }

    /// Authorises the making of a role or user, with the tags and the boundary it is to have.
    pub(super) fn authorize_creation<H: Named + Tagged>(
        &self,
        path: &EntityPath,
        name: &Name,
        tags: &Tags,
        boundary: Option<&str>,
    ) -> Result<(), QueryError> {
        let arn = self.account().arn_of::<H>(path, name);
        let facts = |context: &mut Context| {
            request_tags(context, tags);
            if let Some(boundary) = boundary {
                context.set("iam:PermissionsBoundary", boundary);
            }
        };
        self.authorize(&arn, &arn, facts)?;
        if !tags.is_empty() {
            self.authorize_action(&format!("Tag{}", H::TITLE), &arn, &arn, facts)?;
        }
        Ok(())
    }

    /// `Path`, `/` where there is none.
    pub(super) fn path(&self) -> Result<EntityPath, QueryError> {
        Ok(self.parameters().get("Path").map(EntityPath::new).transpose()?.unwrap_or_default())
    }
}

/// How much of a role or user is told: lists tell less.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Detail {
    /// The answer to its creation.
    Created,
    /// All.
    Whole,
    /// An item of a list.
    Item,
}

/// A policy text as IAM tells it.
pub(super) fn encoded(document: &str) -> String {
    uri_encode(document)
}

/// `Tags`.
pub(super) fn write_tags(xml: &mut Xml, tags: &Tags) {
    xml.list("Tags", tags.iter(), |member, tag| {
        member.leaf("Key", &tag.key).leaf("Value", &tag.value);
    });
}

/// The members that roles, users and groups have alike, before those of their own.
pub(super) fn write_head<H: Named>(xml: &mut Xml, call: &Call<'_>, holder: &H, created: jiff::Timestamp) {
    xml.leaf("Path", holder.path())
        .leaf(H::NAME, holder.name())
        .leaf(&format!("{}Id", H::TITLE), holder.id())
        .leaf("Arn", call.account().arn(holder))
        .leaf("CreateDate", second(created));
}

/// The members that roles and users have alike, after those of their own.
pub(super) fn write_tail<H: Named>(xml: &mut Xml, holder: &H, detail: Detail) {
    if detail == Detail::Item {
        return;
    }
    if let Some(boundary) = &holder.grants().boundary {
        xml.nest("PermissionsBoundary", |inner| {
            inner.leaf("PermissionsBoundaryType", "Policy").leaf("PermissionsBoundaryArn", boundary);
        });
    }
    if let Some(tags) = holder.tags().filter(|tags| !tags.is_empty()) {
        write_tags(xml, tags);
    }
}
