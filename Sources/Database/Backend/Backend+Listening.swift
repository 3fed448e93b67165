internal import ADBC
internal import Engine

extension Backend {
  /// Hears of changes that others make, if there is a channel for that: the text of a notification is the name of the table that
  /// has changed; without one anything may have.
  ///
  /// - Throws: When that cannot work.
  func listen() throws(DatabaseError) {
    guard let channel = options.notifyChannel, cache != nil else { return }
    do throws(ADBCError) {
      let made = try engine.listener(channel: channel) { [weak self] event in
        switch event {
        case .listening, .notified(""): self?.cache?.advance(.everything)
        case .notified(let name): self?.noteForeignChange(of: name)
        }
      }
      setListener(made)
    } catch {
      throw DatabaseError(.failedPrecondition, "the engine \(name): \(error.message)")
    }
  }

  /// Somebody else has changed a table.
  private func noteForeignChange(of name: String) {
    let table = name.split(separator: ".").last.map { $0.lowercased() } ?? ""
    // At once, then what depends on the table.
    cache?.advance(.names([table]))
    Task {
      let reach = await reach(ofTable: table)
      if reach != .names([table]) { cache?.advance(reach) }
    }
  }
}

extension StreamingDatabase {
  /// Called once, before the first client.
  ///
  /// - Throws: When the engine that the server was started with cannot be listened to as its settings say. Others, which worked when
  ///   they were made, do not keep the server from starting.
  func listenToEngines() throws(DatabaseError) {
    for backend in engines.all {
      if backend === engines.standard { try backend.listen() } else { try? backend.listen() }
    }
  }
}
