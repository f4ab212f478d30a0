# Each `import` block takes over what exists already; leave out those of entries that don't.

resource "aws_eks_access_entry" "prod_Admin" {
  cluster_name  = "prod"
  principal_arn = "arn:aws:iam::111122223333:role/Admin"
  region        = "eu-central-1"

  tags = {
    "cost center" = "12$${x}"
    owner         = "platform"
  }
}

import {
  to = aws_eks_access_entry.prod_Admin
  id = "prod:arn:aws:iam::111122223333:role/Admin"
}

resource "aws_eks_access_policy_association" "prod_Admin_ClusterAdmin" {
  cluster_name  = aws_eks_access_entry.prod_Admin.cluster_name
  principal_arn = aws_eks_access_entry.prod_Admin.principal_arn
  policy_arn    = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy"
  region        = "eu-central-1"

  access_scope {
    type = "cluster"
  }
}

import {
  to = aws_eks_access_policy_association.prod_Admin_ClusterAdmin
  id = "prod#arn:aws:iam::111122223333:role/Admin#arn:aws:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy"
}

resource "aws_eks_access_entry" "prod_Dev" {
  cluster_name      = "prod"
  principal_arn     = "arn:aws:iam::111122223333:role/team/Dev"
  user_name         = "dev:{{SessionName}}"
  kubernetes_groups = ["developers", "team:a"]
  region            = "eu-central-1"

  tags = {
    "entryway:expires-at" = "2026-12-24T18:00:00Z"
  }
}

import {
  to = aws_eks_access_entry.prod_Dev
  id = "prod:arn:aws:iam::111122223333:role/team/Dev"
}

resource "aws_eks_access_policy_association" "prod_Dev_Edit" {
  cluster_name  = aws_eks_access_entry.prod_Dev.cluster_name
  principal_arn = aws_eks_access_entry.prod_Dev.principal_arn
  policy_arn    = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSEditPolicy"
  region        = "eu-central-1"

  access_scope {
    type       = "namespace"
    namespaces = ["dev-*", "test"]
  }
}

import {
  to = aws_eks_access_policy_association.prod_Dev_Edit
  id = "prod#arn:aws:iam::111122223333:role/team/Dev#arn:aws:eks::aws:cluster-access-policy/AmazonEKSEditPolicy"
}

resource "aws_eks_access_policy_association" "prod_Dev_View" {
  cluster_name  = aws_eks_access_entry.prod_Dev.cluster_name
  principal_arn = aws_eks_access_entry.prod_Dev.principal_arn
  policy_arn    = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSViewPolicy"
  region        = "eu-central-1"

  access_scope {
    type = "cluster"
  }
}

import {
  to = aws_eks_access_policy_association.prod_Dev_View
  id = "prod#arn:aws:iam::111122223333:role/team/Dev#arn:aws:eks::aws:cluster-access-policy/AmazonEKSViewPolicy"
}

resource "aws_eks_access_entry" "prod_Node" {
  cluster_name  = "prod"
  principal_arn = "arn:aws:iam::111122223333:role/Node"
  type          = "EC2_LINUX"
  region        = "eu-central-1"
}

import {
  to = aws_eks_access_entry.prod_Node
  id = "prod:arn:aws:iam::111122223333:role/Node"
}

resource "aws_eks_access_entry" "test_entry-1st" {
  cluster_name      = "test"
  principal_arn     = "arn:aws:iam::111122223333:user/1st"
  kubernetes_groups = []
}

import {
  to = aws_eks_access_entry.test_entry-1st
  id = "test:arn:aws:iam::111122223333:user/1st"
}

resource "aws_eks_access_policy_association" "test_entry-1st_View" {
  cluster_name  = aws_eks_access_entry.test_entry-1st.cluster_name
  principal_arn = aws_eks_access_entry.test_entry-1st.principal_arn
  policy_arn    = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSViewPolicy"

  access_scope {
    type = "cluster"
  }
}

import {
  to = aws_eks_access_policy_association.test_entry-1st_View
  id = "test#arn:aws:iam::111122223333:user/1st#arn:aws:eks::aws:cluster-access-policy/AmazonEKSViewPolicy"
}
# Warning: Terraform has no words for protected principals
# Warning: Terraform has no words for the policy `CrdReader` of your own
# Error: entry `Dev` loses the policy `CrdReader` of your own in Terraform
# Error: entry `Admins` is not written: Terraform has no words for its permission set Admins
# Note: the mode of `prod` belongs to its `aws_eks_cluster`, which is not written
