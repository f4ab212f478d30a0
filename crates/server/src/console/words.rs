//! The longer texts of the console, in one place.

pub(super) const BAD_FORM: &str = "The form that was sent can't be read.";
pub(super) const TOO_LARGE: &str = "More was sent than any form here holds.";
pub(super) const METHOD: &str = "Pages are read with GET and changed with POST.";
pub(super) const NO_PAGE: &str = "There is no such page.";
pub(super) const NO_PAGE_HINT: &str = "It may have been about something that is gone.";
pub(super) const NO_TOKEN: &str = "This form is not of your present session, so nothing was changed.";
pub(super) const NO_TOKEN_HINT: &str = "Go back, load the page again, and send it once more.";
pub(super) const OTHER_SITE: &str = "A page of another site tried to change something here. Nothing was changed.";
pub(super) const OTHER_SITE_HINT: &str = "If it was you, open the console in its own tab.";
pub(super) const DENIED_HINT: &str = "Rights in the console are those of the IAM identity that signed in. Ask who manages its policies, or act as a role that may.";
pub(super) const SERVER_HINT: &str = "Nothing is known to have changed. Load the page again to see what is there.";
pub(super) const CHANGED_ELSEWHERE: &str = "Somebody changed something here in the meantime.";

pub(super) const SIGN_IN_BY_LINK: &str =
    "Run `entryway console` on the machine of the control plane: it prints a link that signs you in, once.";
pub(super) const SIGN_IN_BY_KEY: &str = "Or use an access key of a local user. It is checked and not kept.";
pub(super) const LINK_USED: &str = "This link has been used, or is too old.";
pub(super) const KEY_REFUSED: &str = "The access key is not one of an active user here, or the secret is another.";
pub(super) const SESSION_OVER: &str = "Your session is over. Sign in, and what you typed is still there.";
pub(super) const KEPT: &str = "You are signed in again. This is what you sent before; nothing has been changed yet.";

pub(super) const NO_CLUSTERS: &str = "There are no clusters in this account.";
pub(super) const NO_ENTRIES: &str = "No access entry fits.";
pub(super) const FIRST_ENTRY: &str = "An access entry lets an IAM role or user into the cluster. Make the first.";
pub(super) const NOT_DESCRIBED: &str = "you may not describe it";
pub(super) const MODE_WITHOUT_ENTRIES: &str = "In authentication mode CONFIG_MAP the aws-auth ConfigMap alone says who gets in. Change the mode to use access entries.";
pub(super) const UNPUBLISHED: &str =
    "AWS has not published the rules of this policy. It may be associated, and grants nothing here.";

pub(super) const NOTHING_CHANGES: &str = "Nobody can do more or less than before.";
pub(super) const LOCK_OUT: &str = "This is refused: it would lock people out.";
pub(super) const LOCK_OUT_OVERRIDE: &str = "I know, and want it all the same";
pub(super) const LOCK_OUT_TICK: &str = "Tick the box if you want it all the same.";
pub(super) const CONFLICT: &str = "Somebody changed this entry since you opened the form.";
pub(super) const CONFLICT_HINT: &str = "Here is what it is now, beside what you want.";
pub(super) const NO_ACCESS_HERE: &str =
    "No access entry or aws-auth line lets you into this cluster, so its Kubernetes API does not know you.";
pub(super) const HIDDEN: &str = "Values are hidden.";
pub(super) const NO_AUDIT: &str = "No record fits.";

pub(super) const GONE: &str = "the access entry is gone";
pub(super) const CHOOSE_POLICY: &str = "choose a policy";
pub(super) const POLICY_TWICE: &str = "this policy is chosen above already";
pub(super) const NOT_ASSOCIATED: &str = "the policy is not associated with this entry";
pub(super) const NO_TAG_CHANGES: &str = "Nothing was changed here.";
pub(super) const BAD_END: &str = "write a day and a time in UTC, as in 2030-01-31T18:00";
pub(super) const END_PASSED: &str =
    "this time has passed; to take the access away now, delete the entry or disassociate the policy";
pub(super) const ENDS_HELP: &str = "A day and a time in UTC; from then on nobody gets in by this entry. Empty: no end. It is kept as the tag entryway:expires-at.";
pub(super) const UNTIL_HELP: &str = "A day and a time in UTC; from then on the policy grants nothing. Empty: no end. It is kept as the tag entryway:expires/ and the policy's name.";
pub(super) const TAGS_HELP: &str = "One a line, key=value.";
pub(super) const LOOK_BELOW: &str = "Please look at what is marked below.";
pub(super) const MODES_ONE_WAY: &str = "Modes go one way: CONFIG_MAP, API_AND_CONFIG_MAP, API.";
pub(super) const PRINCIPAL_HELP: &str = "A role or user, not a session: arn:aws:iam::111122223333:role/team/developer";
pub(super) const TYPE_HELP: &str =
    "STANDARD for people and CI; the others are for nodes, which bring their own username and groups.";
pub(super) const USERNAME_HELP: &str =
    "Empty for EKS's default. May hold {{SessionName}}, with a colon somewhere before it.";
pub(super) const GROUPS_HELP: &str = "One a line, for RBAC bindings of your own. Names that begin with system:, eks:, aws:, amazon: or iam: are reserved.";
pub(super) const NAMESPACES_HELP: &str =
    "One a line; * stands for any letters, as in team-a-*. Only for the scope of some namespaces.";
pub(super) const HALF_DONE: &str = "Not everything was done. Done so far:";
pub(super) const HALF_DONE_HINT: &str = "Look at the entry as it is now, and do the rest again.";
pub(super) const NOT_KEPT_HINT: &str = "Nothing that you typed is lost: send it again later.";
pub(super) const NEARLY_AMONG_SOME: &str =
    "Not all of them were looked at for near misses: a namespace or a name makes the question narrower.";
