//! The sentences of the console, in one place. Names of fields, columns and buttons stand in the markup that they label.

use std::fmt::Display;

pub(super) const BAD_FORM: &str = "The form that was sent can't be read.";
pub(super) const TOO_LARGE: &str = "More was sent than any form here holds.";
pub(super) const CROWDED: &str = "Too much is being sent at a time; send it again.";
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
pub(super) const LINK_ASKS: &str =
    "Go on only if you asked for this link. Whoever is signed in here now is signed out by it.";
pub(super) const KEY_REFUSED: &str = "The access key is not one of an active user here, or the secret is another.";
pub(super) const SESSION_OVER: &str = "Your session is over. Sign in, and what you typed is still there.";
pub(super) const KEPT: &str = "You are signed in again. This is what you sent before; nothing has been changed yet.";

pub(super) const NOT_CHANGED_SINCE: &str = "made, and not changed since";
pub(super) const MADE: &str = "made";
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
pub(super) const ROLE_HELP: &str = "The ARN of a role that trusts you, or its name in your account.";
pub(super) const ROLE_MEANS: &str =
    "Its rights are used instead of yours, for an hour at most, until you are yourself again.";
pub(super) const NOT_ASSUMED: &str = "the role could not be assumed";
pub(super) const NO_WAY_BACK: &str = "There is no way back to the mode before.";
pub(super) const IT_IS_GONE: &str = "It is gone.";
pub(super) const NO_CLUSTER_SEEN: &str = "You may see no cluster.";
pub(super) const NOT_ALL_ENTRIES: &str =
    "You may not list and describe all access entries of this cluster, which this page tells of.";
pub(super) const NO_AWS_AUTH: &str = "The ConfigMap kube-system/aws-auth maps nobody.";
pub(super) const NO_POLICIES: &str =
    "It has no access policy: what it may do is what RBAC gives its username and groups.";
pub(super) const NOT_LET_IN: &str = "Nothing lets it into this cluster: its requests are answered 401.";
pub(super) const NOTHING_NAMES_IT: &str = "Nothing names it.";
pub(super) const ONLY_EVERYBODYS: &str = "Nothing but what everybody who signs in can.";
pub(super) const NO_HISTORY: &str = "The audit log has no change of it.";
pub(super) const EARLIER_ENTRIES: &str = "Look for entries of the same principal before this one";
pub(super) const KUBERNETES_FAILED: &str = "The cluster's Kubernetes API could not be asked.";
pub(super) const NOBODY_FITS: &str = "Nobody fits.";
pub(super) const NO_NAME_FITS: &str = "No name fits.";
pub(super) const NO_POLICY_LIST: &str = "You may not list access policies.";
pub(super) const POLICY_UNUSED: &str = "No entry of this cluster.";
pub(super) const RULES_SAME: &str = "Nowhere: the rules are the same.";
pub(super) const NO_OBJECTS: &str = "There are none.";
pub(super) const ASK: &str = "Ask who can do what: such as delete pods in namespace payments.";
pub(super) const NOBODY_CAN: &str = "Nobody whom this cluster names.";
pub(super) const NOT_SEEN: &str = "You may not list and describe the entries.";

pub(super) const NO_FINDING: &str = "Nothing was found that fits.";
pub(super) const NO_FINDING_OF_ENTRY: &str = "Nothing risky was found of what it can do here.";
pub(super) const ALL_FINDINGS: &str = "What administrators and Kubernetes' own parts have, too";
pub(super) const LEFT_OUT: &str = "Not looked at, since what it takes can't be read by you or from here:";
pub(super) const NO_PATHS: &str = "Nobody whom this cluster names comes to administer it by becoming somebody else.";
pub(super) const PATHS_LEAD: &str = "How people and service accounts can come to administer the cluster, step by step, by the shortest way. It is what rights make possible: whether such a pod runs just now is not looked at.";
pub(super) const DIRECT: &str = "Administrators outright, too";
pub(super) const NO_PATHS_OF: &str = "No way leads from there to administering the cluster.";

pub(super) const FOUND_THEN: &str = "Findings and paths shown here are of";
pub(super) const FINDING_OUT: &str = "What is so now is being found out; this page renews itself.";
pub(super) const SHOW_AGAIN: &str = "Show again";
pub(super) const WHAT_WHERE: &str = "What, where, and through what";
pub(super) const ANY_SEVERITY: &str = "Any severity";
pub(super) const ANY_FINDING: &str = "Any finding";
pub(super) const FOUND_BY: &str = "Found by";
pub(super) const WHY: &str = "Why it matters";
pub(super) const WHAT_TO_DO: &str = "What to do";
pub(super) const AS_ADMINISTRATOR: &str = "as administrator";
pub(super) const KUBERNETES_OWN: &str = "Kubernetes' own";
pub(super) const EXPLAIN: &str = "Explain";
pub(super) const WHO_ELSE: &str = "Who else can";
pub(super) const PATHS_FROM: &str = "Paths from here";
pub(super) const PICTURE: &str = "the ways as a picture";
pub(super) const PICTURE_TITLE: &str = "Ways to administering the cluster; the list below says the same";
pub(super) const STEP_BY_STEP: &str = "Step by step";
pub(super) const SHOW_THEM_TOO: &str = "Show them too";
pub(super) const AS_ABOVE: &str = "and then as above:";
pub(super) const CAN_BECOME: &str = "can become";
pub(super) const THROUGH: &str = "through";
pub(super) const AND_MORE: &str = "and more";
pub(super) const KIND_PRINCIPAL: &str = "IAM principal";
pub(super) const KIND_USER: &str = "user";
pub(super) const KIND_GROUP: &str = "group";
pub(super) const KIND_SERVICE_ACCOUNT: &str = "service account";
pub(super) const KIND_CLUSTER: &str = "cluster";
pub(super) const KIND_ANY_SERVICE_ACCOUNT: &str = "any service account";
pub(super) const KIND_ANYBODY: &str = "anybody";
pub(super) const KIND_ADMINISTRATOR: &str = "cluster administrator";

pub(super) fn and_more(number: usize) -> String {
    format!("and {number} more")
}
pub(super) fn more_outright(number: usize) -> String {
    format!("{number} more administer the cluster outright.")
}
/// What somebody holds, where, and through what.
pub(super) fn grant(what: &impl Display, for_names: bool, place: &impl Display, through: &impl Display) -> String {
    let names = if for_names { " of some names" } else { "" };
    format!("{what}{names} in {place}, through {through}")
}
pub(super) fn created(name: &str) -> String {
    format!("The access entry of {name} was created.")
}
pub(super) fn changed(name: &str) -> String {
    format!("The access entry of {name} was changed.")
}
pub(super) fn deleted(name: &str) -> String {
    format!("The access entry of {name} was deleted.")
}
pub(super) fn tags_changed(name: &str) -> String {
    format!("The tags and ends of {name} were changed.")
}
pub(super) fn associated(policy: &str, name: &str, scope: &entryway_access::AccessScope) -> String {
    format!("{policy} is associated with {name}: {scope}.")
}
pub(super) fn disassociated(policy: &str, name: &str) -> String {
    format!("{policy} is no longer associated with {name}.")
}
pub(super) fn in_mode(mode: &str) -> String {
    format!("The authentication mode is {mode}.")
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    /// The sentences among the string literals of a source file: several words, with a capital and a full stop.
    fn sentences(source: &str) -> Vec<&str> {
        let code = source.split("#[cfg(test)]").next().unwrap_or_default();
        let lines = code.lines().filter(|line| !line.trim_start().starts_with("//"));
        let literals = lines.flat_map(|line| line.split('"').skip(1).step_by(2));
        literals
            .filter(|text| text.starts_with(char::is_uppercase) && text.contains(' ') && text.ends_with(['.', '!']))
            .collect()
    }

    #[test]
    fn sentences_stand_here_alone() {
        assert_eq!(sentences("p { \"It is so.\" } // \"Not this one.\"\nx(\"Name\")"), ["It is so.", "Not this one."]);
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/console");
        let mut files = 0;
        for file in fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()) {
            if !file.is_file() || file.ends_with("words.rs") || file.ends_with("tests.rs") {
                continue;
            }
            files += 1;
            let source = fs::read_to_string(&file).unwrap();
            assert_eq!(sentences(&source), Vec::<&str>::new(), "{}", file.display());
        }
        assert!(files > 30, "the folder is another: {files}");
    }
}
