#ifndef CONVOY_OPEN_FILE_H
#define CONVOY_OPEN_FILE_H

// For reading, whatever it is by now: look at its type before anything else. Returns a descriptor, or -1 and errno.
int open_file(int directory, const char *name);

#endif
