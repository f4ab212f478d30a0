//! Access as code: what has to be done so that a cluster's access is as declared.
