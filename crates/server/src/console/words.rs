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
