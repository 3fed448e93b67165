internal import Columnar
internal import Engine
internal import Synchronization

/// The columns of tables that rows were loaded into, so that a load of one row need not prepare a
/// statement to learn them.
///
/// Valid for one version of the catalog. What a transaction has defined and not committed is not here.
final class TableColumns: Sendable {
  fileprivate struct Key: Hashable {
    let relation: String
    /// They decide where a name without a schema is looked up.
    let settings: SessionSettings
  }

  fileprivate struct State {
    var catalogVersion = 0
    var columns: [Key: [Field]] = [:]
  }

  private static let maxCount = 1_024
  fileprivate let state = Mutex(State())

  /// The place for the columns of one table as it is in one version of the catalog.
  struct Entry: Sendable {
    fileprivate let key: Key
    fileprivate let catalogVersion: Int
    fileprivate let owner: TableColumns

    var columns: [Field]? {
      owner.state.withLock { $0.catalogVersion == catalogVersion ? $0.columns[key] : nil }
    }

    func keep(_ columns: [Field]) {
      owner.state.withLock { state in
        if state.catalogVersion < catalogVersion || state.columns.count >= TableColumns.maxCount {
          state.columns = [:]
          state.catalogVersion = catalogVersion
        }
        if state.catalogVersion == catalogVersion { state.columns[key] = columns }
      }
    }
  }

  /// - Parameter catalogVersion: Read before anything else that is done for the load.
  func entry(of relation: String, _ settings: SessionSettings, catalogVersion: Int) -> Entry {
    Entry(
      key: Key(relation: relation, settings: settings), catalogVersion: catalogVersion, owner: self)
  }
}
