// @aws-sdk/client-eks, -iam and -sts: the walkthrough's calls, errors by name, paginators, waiters. Environment: AWS_*.
import assert from "node:assert/strict";
import * as eks from "@aws-sdk/client-eks";
import * as iam from "@aws-sdk/client-iam";
import * as sts from "@aws-sdk/client-sts";

const e = new eks.EKSClient(), i = new iam.IAMClient(), s = new sts.STSClient();
const me = await s.send(new sts.GetCallerIdentityCommand({}));
const policies = (await e.send(new eks.ListAccessPoliciesCommand({}))).accessPolicies.map((p) => p.name);
assert(policies.length >= 33 && policies.includes("AmazonEKSClusterAdminPolicy"));
const trust = JSON.stringify({ Version: "2012-10-17", Statement: [{ Effect: "Allow", Principal: { AWS: me.Account }, Action: "sts:AssumeRole" }] });
const { Role } = await i.send(new iam.CreateRoleCommand({ RoleName: "node", AssumeRolePolicyDocument: trust }));
assert(Role.CreateDate instanceof Date);
const entry = { clusterName: "demo", principalArn: Role.Arn };
const { accessEntry } = await e.send(new eks.CreateAccessEntryCommand({ ...entry, kubernetesGroups: ["devs"], tags: { team: "x" } }));
assert.deepEqual(accessEntry.kubernetesGroups, ["devs"]);
assert(accessEntry.createdAt instanceof Date);
await assert.rejects(e.send(new eks.CreateAccessEntryCommand(entry)), (x) => x.name === "ResourceInUseException" && x.$metadata.httpStatusCode === 409);
await assert.rejects(e.send(new eks.DescribeAccessEntryCommand({ ...entry, principalArn: Role.Arn + "x" })), (x) => x instanceof eks.ResourceNotFoundException);
await assert.rejects(e.send(new eks.CreateAccessEntryCommand({ ...entry, principalArn: "nonsense" })), (x) => x instanceof eks.InvalidParameterException);
const policyArn = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSViewPolicy";
await e.send(new eks.AssociateAccessPolicyCommand({ ...entry, policyArn, accessScope: { type: "namespace", namespaces: ["dev-*"] } }));
const found = [];
for await (const page of eks.paginateListAccessEntries({ client: e, pageSize: 1 }, { clusterName: "demo" })) found.push(...page.accessEntries);
assert(found.includes(Role.Arn) && found.length >= 2);
assert.equal((await e.send(new eks.DescribeAccessEntryCommand(entry))).accessEntry.accessEntryArn, accessEntry.accessEntryArn);
const updated = await e.send(new eks.UpdateAccessEntryCommand({ ...entry, kubernetesGroups: [] }));
assert.deepEqual(updated.accessEntry.kubernetesGroups, []);
const { associatedAccessPolicies } = await e.send(new eks.ListAssociatedAccessPoliciesCommand(entry));
assert.deepEqual(associatedAccessPolicies.map((p) => [p.policyArn, p.accessScope]), [[policyArn, { type: "namespace", namespaces: ["dev-*"] }]]);
await e.send(new eks.DisassociateAccessPolicyCommand({ ...entry, policyArn }));
await e.send(new eks.TagResourceCommand({ resourceArn: accessEntry.accessEntryArn, tags: { a: "b" } }));
await e.send(new eks.UntagResourceCommand({ resourceArn: accessEntry.accessEntryArn, tagKeys: ["team"] }));
assert.deepEqual((await e.send(new eks.ListTagsForResourceCommand({ resourceArn: accessEntry.accessEntryArn }))).tags, { a: "b" });

// a cluster from its making to its end
const resourcesVpcConfig = { subnetIds: ["subnet-0a", "subnet-0b"] };
const { cluster } = await e.send(new eks.CreateClusterCommand({ name: "node", roleArn: `arn:aws:iam::${me.Account}:role/eks`, resourcesVpcConfig }));
assert.equal(cluster.status, "CREATING");
await eks.waitUntilClusterActive({ client: e, maxWaitTime: 60 }, { name: "node" });
const { update } = await e.send(new eks.UpdateClusterConfigCommand({ name: "node", accessConfig: { authenticationMode: "API_AND_CONFIG_MAP" } }));
assert.equal((await e.send(new eks.DescribeUpdateCommand({ name: "node", updateId: update.id }))).update.status, "Successful");
const clusters = [];
for await (const page of eks.paginateListClusters({ client: e, pageSize: 1 }, {})) clusters.push(...page.clusters);
assert.deepEqual(clusters, ["demo", "node"]);
await e.send(new eks.DeleteClusterCommand({ name: "node" }));
await eks.waitUntilClusterDeleted({ client: e, maxWaitTime: 60 }, { name: "node" });

// what the role may do in IAM, and a session that may it
const PolicyDocument = JSON.stringify({ Version: "2012-10-17", Statement: [{ Effect: "Allow", Action: "eks:DescribeCluster", Resource: "*" }] });
await i.send(new iam.PutRolePolicyCommand({ RoleName: "node", PolicyName: "describe", PolicyDocument }));
const inline = [];
for await (const page of iam.paginateListRolePolicies({ client: i }, { RoleName: "node" })) inline.push(...page.PolicyNames);
assert.deepEqual(inline, ["describe"]);
await assert.rejects(i.send(new iam.GetRoleCommand({ RoleName: "nobody" })), (x) => x instanceof iam.NoSuchEntityException);
await assert.rejects(i.send(new iam.DeleteRoleCommand({ RoleName: "node" })), (x) => x instanceof iam.DeleteConflictException);
await iam.waitUntilRoleExists({ client: i, maxWaitTime: 60 }, { RoleName: "node" });
const session = await s.send(new sts.AssumeRoleCommand({ RoleArn: Role.Arn, RoleSessionName: "node" }));
assert(session.Credentials.Expiration instanceof Date && session.AssumedRoleUser.Arn.endsWith("assumed-role/node/node"));
const credentials = { accessKeyId: session.Credentials.AccessKeyId, secretAccessKey: session.Credentials.SecretAccessKey, sessionToken: session.Credentials.SessionToken };
const theirs = new eks.EKSClient({ credentials });
assert.equal((await theirs.send(new eks.DescribeClusterCommand({ name: "demo" }))).cluster.status, "ACTIVE");
await assert.rejects(theirs.send(new eks.ListClustersCommand({})), (x) => x.name === "AccessDeniedException" && x.$metadata.httpStatusCode === 403);
await e.send(new eks.DeleteAccessEntryCommand(entry));
await i.send(new iam.DeleteRolePolicyCommand({ RoleName: "node", PolicyName: "describe" }));
await i.send(new iam.DeleteRoleCommand({ RoleName: "node" }));
console.log("ok");
