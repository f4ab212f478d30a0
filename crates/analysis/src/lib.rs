//! Questions over the access of a cluster, answered by the core over whole models.
