internal import NIOCore
internal import NIOHTTP2

/// The HTTP/2 settings that matter for speed and for memory, for both sides.
struct TransportSettings {
  var windowBytes: Int
  var maxFrameBytes: Int
  var maxHeaderBytes: Int
  var maxConcurrentStreams: Int?
  var maxUnsentBytes: Int
  var maxStreamResets: Int
  var maxControlFrames: Int

  var connection: NIOHTTP2Handler.ConnectionConfiguration {
    var configuration = NIOHTTP2Handler.ConnectionConfiguration()
    configuration.initialSettings = [
      HTTP2Setting(parameter: .initialWindowSize, value: windowBytes),
      HTTP2Setting(parameter: .maxFrameSize, value: maxFrameBytes),
      HTTP2Setting(parameter: .maxHeaderListSize, value: maxHeaderBytes),
      HTTP2Setting(parameter: .enablePush, value: 0),
    ]
    if let maxConcurrentStreams {
      configuration.initialSettings.append(
        HTTP2Setting(parameter: .maxConcurrentStreams, value: maxConcurrentStreams))
    }
    configuration.targetWindowSize = windowBytes
    // gRPC has no content-length, so there is nothing to check.
    configuration.contentLengthValidation = .disabled
    configuration.controlFrameRateLimit.maximumCount = maxControlFrames
    // Frames that were on their way when their stream was reset are dropped, not an error of the
    // connection, for this many streams.
    configuration.maximumRecentlyResetStreams = 4096
    return configuration
  }

  var stream: NIOHTTP2Handler.StreamConfiguration {
    var configuration = NIOHTTP2Handler.StreamConfiguration()
    configuration.targetWindowSize = windowBytes
    configuration.outboundBufferSizeHighWatermark = maxUnsentBytes
    configuration.outboundBufferSizeLowWatermark = maxUnsentBytes / 2
    configuration.streamResetFrameRateLimit.maximumCount = maxStreamResets
    configuration.streamErrorRateLimit.maximumCount = maxStreamResets
    return configuration
  }

  /// How much is read from a socket at a time.
  static let receiveAllocator = AdaptiveRecvByteBufferAllocator(
    minimum: 16 * 1024, initial: 64 * 1024, maximum: 1024 * 1024)
}

extension TimeAmount {
  init(_ duration: Duration) {
    let (seconds, attoseconds) = duration.components
    let (nanoseconds, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
    let (sum, sumOverflow) = nanoseconds.addingReportingOverflow(attoseconds / 1_000_000_000)
    self = .nanoseconds(overflow || sumOverflow ? .max : sum)
  }
}
