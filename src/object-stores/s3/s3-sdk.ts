// In the program that is shipped this is a file of its own, which is read when S3 is in use: it is as large as all the rest.
export {
  DeleteObjectsCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3'
