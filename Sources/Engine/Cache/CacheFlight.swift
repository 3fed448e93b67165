internal import Synchronization

public import Columnar

/// A statement on its way, whose result may be kept, and those who wait for it.
public final class CacheFlight: Sendable {
  private enum Phase {
    case flying([CheckedContinuation<ResultCache.Result?, Never>])
    case landed(ResultCache.Result?)
  }

  let use: ResultCache.Use
  /// The versions of what it reads, from before it began.
  let stamp: CacheVersions.Stamp
  let began: ContinuousClock.Instant
  /// What was there before something that it reads changed.
  let previous: (result: ResultCache.Result, stamp: CacheVersions.Stamp)?
  private let cache: ResultCache
  private let phase = Mutex(Phase.flying([]))

  init(
    _ cache: ResultCache, _ use: ResultCache.Use, _ stamp: CacheVersions.Stamp,
    began: ContinuousClock.Instant,
    previous: (result: ResultCache.Result, stamp: CacheVersions.Stamp)? = nil
  ) {
    self.cache = cache
    self.use = use
    self.stamp = stamp
    self.began = began
    self.previous = previous
  }

  deinit { land(nil) }

  var maxByteCount: Int { cache.limits.maxEntryByteCount }

  /// Waits for the result.
  ///
  /// - Parameter isShared: Whether it is wanted for another statement than that which makes it.
  /// - Returns: Nil if there is none to share: the statement failed, its result is too large, or something that it reads has changed.
  public func result(isShared: Bool = true) async -> ResultCache.Result? {
    let result = await withCheckedContinuation { continuation in
      let landed = phase.withLock { phase -> ResultCache.Result?? in
        switch phase {
        case .flying(let waiting):
          phase = .flying(waiting + [continuation])
          return nil
        case .landed(let result): return .some(result)
        }
      }
      if let landed { continuation.resume(returning: landed) }
    }
    guard let result, cache.isCurrent(self) else { return nil }
    if isShared { cache.noteShared() }
    return result
  }

  /// The statement has got to its end.
  func land(schema: Schema, _ batches: [Batch], byteCount: Int) {
    land(
      ResultCache.Result(
        schema: schema, batches: batches, madeAt: began, cost: cache.time - began,
        byteCount: byteCount))
  }

  /// - Parameter result: Nil if there is none to keep.
  func land(_ result: ResultCache.Result?, isTooLarge: Bool = false) {
    let waiting = phase.withLock { phase -> [CheckedContinuation<ResultCache.Result?, Never>]? in
      guard case .flying(let waiting) = phase else { return nil }
      phase = .landed(result)
      return waiting
    }
    guard let waiting else { return }
    cache.end(self, result, isTooLarge: isTooLarge)
    for continuation in waiting { continuation.resume(returning: result) }
  }

  /// The statement was not run.
  public func abandon() { land(nil) }
}

/// Passes the batches of another source on, and gives all of them to a flight at the end.
final class RecordingSource: ResultSource {
  /// What an empty result takes.
  private static let baseByteCount = 512

  private let inner: any ResultSource
  private let schema: Schema
  private var flight: CacheFlight?
  private var batches: [Batch] = []
  private var byteCount = RecordingSource.baseByteCount

  init(_ inner: any ResultSource, _ schema: Schema, for flight: CacheFlight) {
    self.inner = inner
    self.schema = schema
    self.flight = flight
  }

  var changedRowCount: Int? { inner.changedRowCount }
  var progress: Double? { inner.progress }

  func next(maxRows: Int, allocator: any BufferAllocator) throws(EngineError) -> Batch? {
    guard let batch = try inner.next(maxRows: maxRows, allocator: allocator) else {
      flight?.land(schema: schema, batches, byteCount: byteCount)
      stop()
      return nil
    }
    guard let flight else { return batch }
    byteCount += batch.byteCount
    if byteCount > flight.maxByteCount {
      flight.land(nil, isTooLarge: true)
      stop()
    } else {
      batches.append(batch)
    }
    return batch
  }

  private func stop() {
    flight = nil
    batches = []
  }

  func interrupt() { inner.interrupt() }
  func noteFailure(_ error: EngineError) { inner.noteFailure(error) }

  func release() {
    // Not at its end: nobody has all of it.
    flight?.abandon()
    stop()
    inner.release()
  }
}
