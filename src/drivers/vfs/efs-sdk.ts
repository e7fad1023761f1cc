// In the program that is shipped this is a file of its own, which is read when EFS is in use: it is as large as all the rest.
export {
  CreateAccessPointCommand,
  DeleteAccessPointCommand,
  DescribeAccessPointsCommand,
  DescribeMountTargetsCommand,
  EFSClient,
} from '@aws-sdk/client-efs'
