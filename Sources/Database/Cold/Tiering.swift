internal import Engine
internal import Log
internal import Logging
internal import Synchronization

/// What has been done of moving some rows. A test can make the server end behind each.
enum TieringStep: Sendable, CaseIterable {
  /// The file is there under its temporary name.
  case written
  /// Its rows are those of the log.
  case compared
  /// It has its name, and the folder is synced.
  case named
  /// The log knows of it.
  case recorded
}

/// What a test throws where the process would have ended.
struct SimulatedCrash: Error {}

/// Moves rows of streams that are older than `tier_after` into files outside of the log.
final class Tiering: Sendable {
  private struct State {
    /// Why rows of a stream stay in the log.
    var problems: [TopicID: String] = [:]
    var onStep: @Sendable (TieringStep) throws -> Void = { _ in }
    var candidateByteCount = 128 << 20
  }

  private let streams: StreamCatalog
  /// Nil if the log keeps all rows itself.
  private let log: (any ColdRows)?
  let files: ColdFiles
  private let engine: DuckDBEngine
  private let logger: Logger
  private let turn = CatalogTurn()
  private let state = Mutex(State())

  init(
    _ streams: StreamCatalog, _ log: (any ColdRows)?, _ files: ColdFiles, _ engine: DuckDBEngine,
    _ logger: Logger
  ) {
    self.streams = streams
    self.files = files
    self.engine = engine
    self.logger = logger
    self.log = log
  }

  /// For tests: called behind each step.
  func onStep(_ body: @escaping @Sendable (TieringStep) throws -> Void) {
    state.withLock { $0.onStep = body }
  }

  /// About how many bytes of the log become one file.
  func setCandidateByteCount(_ byteCount: Int) {
    state.withLock { $0.candidateByteCount = byteCount }
  }

  /// Why rows of a stream that are old enough are still in the log; nil if none is.
  func problem(of topic: TopicID) -> String? { state.withLock { $0.problems[topic] } }

  // MARK: Moving

  /// Moves what is old enough.
  ///
  /// - Parameter now: Microseconds since 1970.
  /// - Returns: Whether rows have left the log.
  func run(now: Int64) async -> Bool {
    guard let log else { return false }
    var hasMoved = false
    for stream in streams.all {
      guard let age = stream.definition.options.tierAfter, !stream.isDropped else { continue }
      let time = now.subtractingReportingOverflow(age.microsecondCount).partialValue
      do {
        let count = try await turn.with { () async throws(DatabaseError) in
          try await self.move(stream, takenBefore: time, log)
        }
        hasMoved = hasMoved || count > 0
        state.withLock { $0.problems[stream.topicID] = nil }
      } catch {
        note(error, stream)
      }
    }
    return hasMoved
  }

  private func note(_ error: DatabaseError, _ stream: Stream) {
    let isNew = state.withLock { state in
      defer { state.problems[stream.topicID] = error.message }
      return state.problems[stream.topicID] != error.message
    }
    guard isNew else { return }
    logger.warning(
      "old rows of a stream stay in the log",
      metadata: [
        "stream": "\(stream.definition.qualifiedName)", "reason": "\(error.message)",
      ])
  }

  /// - Returns: How many files were made.
  private func move(
    _ stream: Stream, takenBefore time: Int64, _ log: any ColdRows
  ) async throws(DatabaseError) -> Int {
    var count = 0
    let wanted = state.withLock { $0.candidateByteCount }
    while !stream.isDropped {
      let candidate: ColdCandidate?
      do throws(LogError) {
        candidate = try await log.coldCandidate(
          of: stream.topicID, takenBefore: time, byteCount: wanted)
      } catch {
        throw DatabaseError(error)
      }
      guard let candidate else { break }
      try ColdTypes.check(stream.definition)
      let place = stream.definition.options.tierTo
      if let refusal = files.places.refusal(of: place) {
        throw DatabaseError(.permissionDenied, refusal)
      }
      let folder = files.places.folder(
        of: stream.topicID, in: place, identity: try await streams.identity())
      let file = try await write(candidate, of: stream, in: folder)
      try await record(file, of: stream, log)
      count += 1
    }
    return count
  }

  private func write(
    _ candidate: ColdCandidate, of stream: Stream, in folder: String
  ) async throws(DatabaseError) -> ColdFile {
    let (files, onStep) = (files, state.withLock { $0.onStep })
    let result = await engine.onWorker { () -> Result<ColdFile, DatabaseError> in
      do {
        return .success(try files.write(candidate, of: stream, in: folder, step: onStep))
      } catch {
        return .failure(DatabaseError(.internal, "\(error)", cause: error))
      }
    }
    return try result.get()
  }

  private func record(
    _ file: ColdFile, of stream: Stream, _ log: any ColdRows
  ) async throws(DatabaseError) {
    do throws(LogError) {
      try await log.freeze(file, of: stream.topicID)
    } catch {
      // After a failed sync nobody knows whether the frame is there: the file stays.
      if case .failed = error { throw DatabaseError(error) }
      let files = files
      await engine.onWorker { files.discard(files.places.path(of: file.location)) }
      throw DatabaseError(error)
    }
    do {
      try state.withLock { $0.onStep }(.recorded)
    } catch {
      throw DatabaseError(.internal, "\(error)", cause: error)
    }
  }

  // MARK: Starting

  /// Removes files that a crash has left behind.
  ///
  /// Files whose rows the log has itself, or needs no more, were never recorded. Any other that the
  /// log does not know is left alone: it may be all that is left of rows whose record was damaged.
  func sweep() async {
    guard let log, let identity = streams.knownIdentity else { return }
    let all = streams.all
    var bases = Set(all.compactMap(\.definition.options.tierTo)).filter { !ColdPlaces.isRemote($0) }
    if let folder = files.places.folder { bases.insert(folder) }
    var folders: [(path: String, topic: TopicID)] = []
    for base in bases {
      for name in LocalFiles.names(in: base) where name.hasSuffix("-" + identity) {
        guard let topic = UInt32(name.dropLast(identity.utf8.count + 1)) else { continue }
        folders.append((base + "/" + name, TopicID(rawValue: topic)))
      }
    }
    let found = folders
    await engine.onWorker {
      for (path, topic) in found { self.sweep(path, topic, log.coldFiles(of: topic)) }
    }
  }

  private func sweep(_ folder: String, _ id: TopicID, _ files: [ColdFile]) {
    let known = Set(files.map { self.files.places.path(of: $0.location) })
    for name in LocalFiles.names(in: folder) {
      let path = folder + "/" + name
      let isPart = name.hasSuffix(".parquet" + ColdPlaces.partSuffix)
      guard isPart || (name.hasSuffix(".parquet") && !known.contains(path)) else { continue }
      if isPart || !isNeeded(name, streams.log.topic(id)) { try? LocalFiles.remove(path) }
    }
    LocalFiles.removeEmptyFolder(folder)
  }

  /// Whether a file that nobody knows of might hold rows that are nowhere else.
  private func isNeeded(_ name: String, _ topic: (any Topic)?) -> Bool {
    guard let topic else { return false }
    guard let offsets = ColdPlaces.offsets(ofFile: name) else { return true }
    let state = topic.state
    if offsets.upperBound <= state.start { return false }
    let range = max(offsets.lowerBound, state.start)..<offsets.upperBound
    guard let units = try? topic.units(in: range, ScanFilter()) else { return true }
    var next = range.lowerBound
    for unit in units where unit.offsets.lowerBound <= next {
      next = max(next, unit.offsets.upperBound)
    }
    return next < range.upperBound
  }
}

extension Duration {
  /// Whole microseconds, cut at the ends of the range.
  var microsecondCount: Int64 {
    let (seconds, attoseconds) = components
    let (product, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000)
    if overflow { return seconds < 0 ? .min : .max }
    return product.addingReportingOverflow(attoseconds / 1_000_000_000_000).partialValue
  }
}
