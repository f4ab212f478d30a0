// @aws-sdk/client-eks, -iam and -sts: the walkthrough's calls, errors by name, paginators, waiters. Environment: AWS_*.
import assert from "node:assert/strict";
import * as eks from "@aws-sdk/client-eks";
import * as iam from "@aws-sdk/client-iam";
import * as sts from "@aws-sdk/client-sts";

const e = new eks.EKSClient(), i = new iam.IAMClient(), s = new sts.STSClient();
const me = await s.send(new sts.GetCallerIdentityCommand({}));
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
await eks.waitUntilClusterActive({ client: e, maxWaitTime: 60 }, { name: "demo" });
const session = await s.send(new sts.AssumeRoleCommand({ RoleArn: Role.Arn, RoleSessionName: "node" }));
assert(session.Credentials.Expiration instanceof Date && session.AssumedRoleUser.Arn.endsWith("assumed-role/node/node"));
await e.send(new eks.DeleteAccessEntryCommand(entry));
console.log("ok");
