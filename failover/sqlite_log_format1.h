// What did muster's first release keep in consensus.db, and how does it become the present format?
//
// A driver (SQLite). Part of opening a file; see SqliteUpgrade.
#pragma once

#include <string>

#include "base/error.h"
#include "base/sqlite_database.h"

namespace muster::failover {

extern const char* const kLogSchema1;

// Checks every row, then writes all of them anew in the present tables, as write number 1 of
// `cluster`: such a file tells a list of masters and not whose they are. Fails with DataLoss that
// names the first row that cannot be trusted, the file and `if_damaged`.
// Pre: inside a transaction.
[[nodiscard]] Status upgrade_format1(SqliteDatabase& database, const std::string& cluster,
                                     const std::string& if_damaged);

}  // namespace muster::failover
