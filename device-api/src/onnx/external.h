/* External data: weights that lie in files beside the model, mapped rather than read.
 * A model may only name files inside its own folder: no absolute path, no "..", no symbolic link on the way. */
#ifndef TENON__ONNX_EXTERNAL_H
#define TENON__ONNX_EXTERNAL_H

#include <stddef.h>
#include <stdint.h>

#include <tenon/status.h>

/* A whole file, mapped read-only; counted, because constants of several modules may lie in it. The file must not be
 * shortened while it is mapped. */
typedef struct tenon__mapping tenon__mapping;

void tenon__mapping_retain(tenon__mapping *mapping);
void tenon__mapping_release(tenon__mapping *mapping);

/* The folder of a model and the files of it that are mapped. Not thread-safe. */
typedef struct tenon__folder tenon__folder;

/* Opens the folder that `file_path` lies in. Errors: NOT_FOUND, IO, OUT_OF_MEMORY. */
tenon_status tenon__folder_of(const char *file_path, tenon__folder **out_folder);

/* Opens a folder by its own path. */
tenon_status tenon__folder_open(const char *path, tenon__folder **out_folder);

/* Gives up the folder's own hold on its mappings; NULL is allowed. */
void tenon__folder_close(tenon__folder *folder);

/* Bytes [offset, offset + size) of the file `location` in the folder.
 * Owner: *out_data lives as long as *out_mapping, which the caller must retain to keep it past the folder.
 * Errors: BAD_DATA (a path that leaves the folder, a range past the file's end), NOT_FOUND, IO, OUT_OF_MEMORY. */
tenon_status tenon__folder_range(tenon__folder *folder, const char *location, uint64_t offset, uint64_t size,
                                 const void **out_data, tenon__mapping **out_mapping);

/* Size of the file `location` in bytes. Errors as for range. */
tenon_status tenon__folder_size(tenon__folder *folder, const char *location, uint64_t *out_size);

#endif
