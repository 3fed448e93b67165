// The C API of ADBC 1.1 as far as Hyprstream calls it, declared by hand, and the loader that binds it to a
// driver manager found at run time.
//
// Every `Adbc…` function here is a trampoline (trampolines.c): one jump through a table that `hs_adbc_load`
// fills. Nothing may be called before it has succeeded. The structs of the Arrow C data interface are named
// by untyped pointers: `schema` points to a `struct ArrowSchema`, `array` to a `struct ArrowArray`, `stream` to
// a `struct ArrowArrayStream`.

#ifndef HS_CADBC_H
#define HS_CADBC_H

#include <stddef.h>
#include <stdint.h>

// --- loading

// Loads the driver manager at `path` and fills the table. Returns null if it worked, else a sentence that says
// why not, valid until the next call. Call it once per process.
const char *hs_adbc_load(const char *path);

// --- types

typedef uint8_t AdbcStatusCode;

enum {
  ADBC_STATUS_OK = 0,
  ADBC_STATUS_UNKNOWN = 1,
  ADBC_STATUS_NOT_IMPLEMENTED = 2,
  ADBC_STATUS_NOT_FOUND = 3,
  ADBC_STATUS_ALREADY_EXISTS = 4,
  ADBC_STATUS_INVALID_ARGUMENT = 5,
  ADBC_STATUS_INVALID_STATE = 6,
  ADBC_STATUS_INVALID_DATA = 7,
  ADBC_STATUS_INTEGRITY = 8,
  ADBC_STATUS_INTERNAL = 9,
  ADBC_STATUS_IO = 10,
  ADBC_STATUS_CANCELLED = 11,
  ADBC_STATUS_TIMEOUT = 12,
  ADBC_STATUS_UNAUTHENTICATED = 13,
  ADBC_STATUS_UNAUTHORIZED = 14
};

// In `vendor_code` of an error that is passed in: the struct has the two members of ADBC 1.1.
#define ADBC_ERROR_VENDOR_CODE_PRIVATE_DATA INT32_MIN

struct AdbcDriver;

struct AdbcError {
  char *message;
  int32_t vendor_code;
  // Not terminated; zeros if there is none.
  char sqlstate[5];
  void (*release)(struct AdbcError *error);
  // Since 1.1.
  void *private_data;
  struct AdbcDriver *private_driver;
};

struct AdbcErrorDetail {
  const char *key;
  const uint8_t *value;
  size_t value_length;
};

struct AdbcDatabase {
  void *private_data;
  struct AdbcDriver *private_driver;
};

struct AdbcConnection {
  void *private_data;
  struct AdbcDriver *private_driver;
};

struct AdbcStatement {
  void *private_data;
  struct AdbcDriver *private_driver;
};

struct AdbcPartitions {
  size_t num_partitions;
  const uint8_t **partitions;
  const size_t *partition_lengths;
  void *private_data;
  void (*release)(struct AdbcPartitions *partitions);
};

// Where the driver manager looks for a driver that is named without a path.
typedef uint32_t AdbcLoadFlags;
#define ADBC_LOAD_FLAG_SEARCH_ENV 1
#define ADBC_LOAD_FLAG_SEARCH_USER 2
#define ADBC_LOAD_FLAG_SEARCH_SYSTEM 4
#define ADBC_LOAD_FLAG_ALLOW_RELATIVE_PATHS 8

// --- errors

int AdbcErrorGetDetailCount(const struct AdbcError *error);
struct AdbcErrorDetail AdbcErrorGetDetail(const struct AdbcError *error, int index);
// The error of a stream whose get_next failed, or null. It belongs to the stream.
const struct AdbcError *AdbcErrorFromArrayStream(void *stream, AdbcStatusCode *status);

// --- database

AdbcStatusCode AdbcDatabaseNew(struct AdbcDatabase *database, struct AdbcError *error);
AdbcStatusCode AdbcDriverManagerDatabaseSetLoadFlags(struct AdbcDatabase *database, AdbcLoadFlags flags, struct AdbcError *error);
AdbcStatusCode AdbcDatabaseInit(struct AdbcDatabase *database, struct AdbcError *error);
AdbcStatusCode AdbcDatabaseRelease(struct AdbcDatabase *database, struct AdbcError *error);
AdbcStatusCode AdbcDatabaseSetOption(struct AdbcDatabase *database, const char *key, const char *value, struct AdbcError *error);
AdbcStatusCode AdbcDatabaseSetOptionBytes(struct AdbcDatabase *database, const char *key, const uint8_t *value, size_t length, struct AdbcError *error);
AdbcStatusCode AdbcDatabaseSetOptionInt(struct AdbcDatabase *database, const char *key, int64_t value, struct AdbcError *error);
AdbcStatusCode AdbcDatabaseSetOptionDouble(struct AdbcDatabase *database, const char *key, double value, struct AdbcError *error);
AdbcStatusCode AdbcDatabaseGetOption(struct AdbcDatabase *database, const char *key, char *value, size_t *length, struct AdbcError *error);
AdbcStatusCode AdbcDatabaseGetOptionBytes(struct AdbcDatabase *database, const char *key, uint8_t *value, size_t *length, struct AdbcError *error);
AdbcStatusCode AdbcDatabaseGetOptionInt(struct AdbcDatabase *database, const char *key, int64_t *value, struct AdbcError *error);
AdbcStatusCode AdbcDatabaseGetOptionDouble(struct AdbcDatabase *database, const char *key, double *value, struct AdbcError *error);

// --- connection

AdbcStatusCode AdbcConnectionNew(struct AdbcConnection *connection, struct AdbcError *error);
AdbcStatusCode AdbcConnectionInit(struct AdbcConnection *connection, struct AdbcDatabase *database, struct AdbcError *error);
AdbcStatusCode AdbcConnectionRelease(struct AdbcConnection *connection, struct AdbcError *error);
AdbcStatusCode AdbcConnectionCancel(struct AdbcConnection *connection, struct AdbcError *error);
AdbcStatusCode AdbcConnectionCommit(struct AdbcConnection *connection, struct AdbcError *error);
AdbcStatusCode AdbcConnectionRollback(struct AdbcConnection *connection, struct AdbcError *error);
AdbcStatusCode AdbcConnectionGetInfo(struct AdbcConnection *connection, const uint32_t *codes, size_t count, void *stream, struct AdbcError *error);
AdbcStatusCode AdbcConnectionGetObjects(struct AdbcConnection *connection, int depth, const char *catalog, const char *db_schema, const char *table_name, const char **table_types, const char *column_name, void *stream, struct AdbcError *error);
AdbcStatusCode AdbcConnectionGetTableSchema(struct AdbcConnection *connection, const char *catalog, const char *db_schema, const char *table_name, void *schema, struct AdbcError *error);
AdbcStatusCode AdbcConnectionGetTableTypes(struct AdbcConnection *connection, void *stream, struct AdbcError *error);
AdbcStatusCode AdbcConnectionGetStatistics(struct AdbcConnection *connection, const char *catalog, const char *db_schema, const char *table_name, char approximate, void *stream, struct AdbcError *error);
AdbcStatusCode AdbcConnectionGetStatisticNames(struct AdbcConnection *connection, void *stream, struct AdbcError *error);
AdbcStatusCode AdbcConnectionReadPartition(struct AdbcConnection *connection, const uint8_t *partition, size_t length, void *stream, struct AdbcError *error);
AdbcStatusCode AdbcConnectionSetOption(struct AdbcConnection *connection, const char *key, const char *value, struct AdbcError *error);
AdbcStatusCode AdbcConnectionSetOptionBytes(struct AdbcConnection *connection, const char *key, const uint8_t *value, size_t length, struct AdbcError *error);
AdbcStatusCode AdbcConnectionSetOptionInt(struct AdbcConnection *connection, const char *key, int64_t value, struct AdbcError *error);
AdbcStatusCode AdbcConnectionSetOptionDouble(struct AdbcConnection *connection, const char *key, double value, struct AdbcError *error);
AdbcStatusCode AdbcConnectionGetOption(struct AdbcConnection *connection, const char *key, char *value, size_t *length, struct AdbcError *error);
AdbcStatusCode AdbcConnectionGetOptionBytes(struct AdbcConnection *connection, const char *key, uint8_t *value, size_t *length, struct AdbcError *error);
AdbcStatusCode AdbcConnectionGetOptionInt(struct AdbcConnection *connection, const char *key, int64_t *value, struct AdbcError *error);
AdbcStatusCode AdbcConnectionGetOptionDouble(struct AdbcConnection *connection, const char *key, double *value, struct AdbcError *error);

// --- statement

AdbcStatusCode AdbcStatementNew(struct AdbcConnection *connection, struct AdbcStatement *statement, struct AdbcError *error);
AdbcStatusCode AdbcStatementRelease(struct AdbcStatement *statement, struct AdbcError *error);
AdbcStatusCode AdbcStatementSetSqlQuery(struct AdbcStatement *statement, const char *query, struct AdbcError *error);
AdbcStatusCode AdbcStatementPrepare(struct AdbcStatement *statement, struct AdbcError *error);
AdbcStatusCode AdbcStatementGetParameterSchema(struct AdbcStatement *statement, void *schema, struct AdbcError *error);
AdbcStatusCode AdbcStatementBind(struct AdbcStatement *statement, void *array, void *schema, struct AdbcError *error);
AdbcStatusCode AdbcStatementBindStream(struct AdbcStatement *statement, void *stream, struct AdbcError *error);
// `stream` may be null, then the rows of the result are dropped. `rows_affected` is −1 if it is not known.
AdbcStatusCode AdbcStatementExecuteQuery(struct AdbcStatement *statement, void *stream, int64_t *rows_affected, struct AdbcError *error);
AdbcStatusCode AdbcStatementExecuteSchema(struct AdbcStatement *statement, void *schema, struct AdbcError *error);
AdbcStatusCode AdbcStatementExecutePartitions(struct AdbcStatement *statement, void *schema, struct AdbcPartitions *partitions, int64_t *rows_affected, struct AdbcError *error);
AdbcStatusCode AdbcStatementCancel(struct AdbcStatement *statement, struct AdbcError *error);
AdbcStatusCode AdbcStatementSetOption(struct AdbcStatement *statement, const char *key, const char *value, struct AdbcError *error);
AdbcStatusCode AdbcStatementSetOptionBytes(struct AdbcStatement *statement, const char *key, const uint8_t *value, size_t length, struct AdbcError *error);
AdbcStatusCode AdbcStatementSetOptionInt(struct AdbcStatement *statement, const char *key, int64_t value, struct AdbcError *error);
AdbcStatusCode AdbcStatementSetOptionDouble(struct AdbcStatement *statement, const char *key, double value, struct AdbcError *error);
AdbcStatusCode AdbcStatementGetOption(struct AdbcStatement *statement, const char *key, char *value, size_t *length, struct AdbcError *error);
AdbcStatusCode AdbcStatementGetOptionBytes(struct AdbcStatement *statement, const char *key, uint8_t *value, size_t *length, struct AdbcError *error);
AdbcStatusCode AdbcStatementGetOptionInt(struct AdbcStatement *statement, const char *key, int64_t *value, struct AdbcError *error);
AdbcStatusCode AdbcStatementGetOptionDouble(struct AdbcStatement *statement, const char *key, double *value, struct AdbcError *error);

#endif
