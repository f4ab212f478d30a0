# What is about access in a call of the eks module: take it over into yours.

module "prod" {
  source  = "terraform-aws-modules/eks/aws"
  version = "~> 21.0"

  name                = "prod"
  region              = "eu-central-1"
  authentication_mode = "API"

  access_entries = {
    Admin = {
      principal_arn = "arn:aws:iam::111122223333:role/Admin"

      tags = {
        "cost center" = "12$${x}"
        owner         = "platform"
      }

      policy_associations = {
        ClusterAdmin = {
          policy_arn = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy"
          access_scope = {
            type = "cluster"
          }
        }
      }
    }

    Dev = {
      principal_arn     = "arn:aws:iam::111122223333:role/team/Dev"
      user_name         = "dev:{{SessionName}}"
      kubernetes_groups = ["developers", "team:a"]

      tags = {
        "entryway:expires-at" = "2026-12-24T18:00:00Z"
      }

      policy_associations = {
        Edit = {
          policy_arn = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSEditPolicy"
          access_scope = {
            type       = "namespace"
            namespaces = ["dev-*", "test"]
          }
        }
        View = {
          policy_arn = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSViewPolicy"
          access_scope = {
            type = "cluster"
          }
        }
      }
    }

    Node = {
      principal_arn = "arn:aws:iam::111122223333:role/Node"
      type          = "EC2_LINUX"
    }
  }
}

module "test" {
  source  = "terraform-aws-modules/eks/aws"
  version = "~> 21.0"

  name = "test"

  access_entries = {
    entry-1st = {
      principal_arn     = "arn:aws:iam::111122223333:user/1st"
      kubernetes_groups = []

      policy_associations = {
        View = {
          policy_arn = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSViewPolicy"
          access_scope = {
            type = "cluster"
          }
        }
      }
    }
  }
}
# Warning: Terraform has no words for protected principals
# Warning: Terraform has no words for the policy `CrdReader` of your own
# Error: entry `Dev` loses the policy `CrdReader` of your own in Terraform
# Error: entry `Admins` is not written: Terraform has no words for its permission set Admins
