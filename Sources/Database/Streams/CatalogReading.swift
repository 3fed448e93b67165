internal import Columnar
internal import Log

extension LogStore {
  /// Reads all batches of the topic of the catalog, in order. Each kind of definition knows its own by their columns. Blocks on the
  /// disk.
  ///
  /// - Parameter what: What is looked for, for the message of a failure: "the subscriptions".
  func readCatalog(
    for what: String, _ take: (Batch) -> Void
  ) throws(DatabaseError) {
    guard let topic = topic(.catalog) else { return }
    do {
      let state = topic.state
      for unit in try topic.units(in: state.start..<state.head, ScanFilter()) {
        for case .batch(let stored) in try topic.read(unit) { take(try stored.decoded()) }
      }
    } catch {
      throw DatabaseError(.internal, "\(what) cannot be read: \(error)")
    }
  }
}
