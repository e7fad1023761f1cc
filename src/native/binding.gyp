{
  'targets': [
    {
      'target_name': 'posix',
      'sources': ['module.c', 'arguments.c', 'descriptors.c', 'making.c', 'names.c', 'small-files.c', 'stat-record.c', 'xattrs.c'],
      'defines': ['NAPI_VERSION=8', '_GNU_SOURCE', '_FILE_OFFSET_BITS=64'],
      'cflags': ['-std=gnu11', '-O2', '-Wall', '-Wextra', '-fvisibility=hidden']
    }
  ]
}
