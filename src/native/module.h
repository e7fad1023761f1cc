// Every function of the addon; host/posix-addon.ts has their types. A new one is a line here.
#ifndef CONVOY_MODULE_H
#define CONVOY_MODULE_H

#include <node_api.h>

#define FUNCTIONS(_)   \
  _(openRoot)          \
  _(openDirectoryAt)   \
  _(openFileAt)        \
  _(closeFd)           \
  _(nextData)          \
  _(nextHole)          \
  _(readNames)         \
  _(statPackedNames)   \
  _(statNames)         \
  _(statFd)            \
  _(readFilesAt)       \
  _(writeFilesAt)      \
  _(createFileAt)      \
  _(finishFile)        \
  _(readLinkAt)        \
  _(getXattrs)         \
  _(getXattrsAt)       \
  _(setXattr)          \
  _(setXattrAt)        \
  _(removeXattr)       \
  _(makeDirectoryAt)   \
  _(symlinkAt)         \
  _(linkAt)            \
  _(makeNodeAt)        \
  _(setOwnerAt)        \
  _(setModeAt)         \
  _(setTimesAt)        \
  _(renameAt)          \
  _(renameDirectoryAt) \
  _(unlinkAt)          \
  _(removeDirectoryAt) \
  _(syncFileSystem)

#define DECLARE(name) napi_value name(napi_env env, napi_callback_info info);
FUNCTIONS(DECLARE)
#undef DECLARE

#endif
