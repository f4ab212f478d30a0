//! What roles, users and groups have alike: a name, a path, an id and policies; and the tags of roles and users.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{EntityPath, Grants, Group, Name, Role, Tags, User, keys};

/// A role, a user or a group.
pub trait Holder: Serialize + DeserializeOwned + Send + Sync + Sized + 'static + sealed::Sealed {
    /// `role`, `user` or `group`, as ARNs have it.
    const KIND: &'static str;
    /// `Role`, `User` or `Group`, as it stands in operations' names and in messages.
    const TITLE: &'static str;
    /// The most characters of all its inline policies together, white space apart.
    const INLINE_SIZE: usize;
    /// The unchangeable name.
    fn name(&self) -> &Name;
    /// The unchangeable path.
    fn path(&self) -> &EntityPath;
    /// `AROA…`, `AIDA…` or `AGPA…`.
    fn id(&self) -> &str;
    /// The policies.
    fn grants(&self) -> &Grants;
    /// The tags, of what has tags.
    fn tags(&self) -> Option<&Tags>;
}

/// A role or a user: what signs requests, and has tags.
pub trait Tagged: Holder + sealed::Tagged {}

pub(crate) mod sealed {
    use entryway_access::AccountId;

    use crate::{Grants, Name, Tags};

    /// What only this crate may do with a holder.
    pub trait Sealed {
        fn grants_mut(&mut self) -> &mut Grants;
        fn key(account: &AccountId, name: &Name) -> String;
        fn prefix(account: &AccountId) -> String;
    }

    /// What only this crate may do with tags.
    pub trait Tagged {
        fn tags_mut(&mut self) -> &mut Tags;
    }
}

/// The records have these fields under the same names, each where it belongs among its own in the store.
macro_rules! holder {
    ($holder:ident, $kind:literal, inline $inline:literal, in $prefix:ident, at $key:ident, tags $tags:expr) => {
        impl sealed::Sealed for $holder {
            fn grants_mut(&mut self) -> &mut Grants {
                &mut self.grants
            }
            fn key(account: &entryway_access::AccountId, name: &Name) -> String {
                keys::$key(account, name)
            }
            fn prefix(account: &entryway_access::AccountId) -> String {
                keys::$prefix(account)
            }
        }

        impl Holder for $holder {
            const KIND: &'static str = $kind;
            const TITLE: &'static str = stringify!($holder);
            const INLINE_SIZE: usize = $inline;
            fn name(&self) -> &Name {
                &self.name
            }
            fn path(&self) -> &EntityPath {
                &self.path
            }
            fn id(&self) -> &str {
                &self.id
            }
            fn grants(&self) -> &Grants {
                &self.grants
            }
            fn tags(&self) -> Option<&Tags> {
                let tags: fn(&Self) -> Option<&Tags> = $tags;
                tags(self)
            }
        }
    };
}

macro_rules! tagged {
    ($($holder:ident)*) => {$(
        impl sealed::Tagged for $holder {
            fn tags_mut(&mut self) -> &mut Tags {
                &mut self.tags
            }
        }

        impl Tagged for $holder {}
    )*};
}

holder!(Role, "role", inline 10_240, in roles, at role, tags |role| Some(&role.tags));
holder!(User, "user", inline 2048, in users, at user, tags |user| Some(&user.tags));
holder!(Group, "group", inline 5120, in groups, at group, tags |_| None);
tagged!(Role User);
