#ifndef CONVOY_XATTRS_H
#define CONVOY_XATTRS_H

#include <stdbool.h>

// Also when it cannot be told: whoever reads them hears why.
bool may_have_xattrs(int fd);

#endif
