/// Short names for the messages of Arrow Flight, and the names of its methods and actions.
///
/// `FlightData` is not here: the type of that name is the hand-written, copy-free one.
public enum Flight {
  public typealias Action = Arrow_Flight_Protocol_Action
  public typealias ActionType = Arrow_Flight_Protocol_ActionType
  public typealias BasicAuth = Arrow_Flight_Protocol_BasicAuth
  public typealias CancelFlightInfoRequest = Arrow_Flight_Protocol_CancelFlightInfoRequest
  public typealias CancelFlightInfoResult = Arrow_Flight_Protocol_CancelFlightInfoResult
  public typealias CancelStatus = Arrow_Flight_Protocol_CancelStatus
  public typealias CloseSessionRequest = Arrow_Flight_Protocol_CloseSessionRequest
  public typealias CloseSessionResult = Arrow_Flight_Protocol_CloseSessionResult
  public typealias Criteria = Arrow_Flight_Protocol_Criteria
  public typealias Empty = Arrow_Flight_Protocol_Empty
  public typealias FlightDescriptor = Arrow_Flight_Protocol_FlightDescriptor
  public typealias FlightEndpoint = Arrow_Flight_Protocol_FlightEndpoint
  public typealias FlightInfo = Arrow_Flight_Protocol_FlightInfo
  public typealias GetSessionOptionsRequest = Arrow_Flight_Protocol_GetSessionOptionsRequest
  public typealias GetSessionOptionsResult = Arrow_Flight_Protocol_GetSessionOptionsResult
  public typealias HandshakeRequest = Arrow_Flight_Protocol_HandshakeRequest
  public typealias HandshakeResponse = Arrow_Flight_Protocol_HandshakeResponse
  public typealias Location = Arrow_Flight_Protocol_Location
  public typealias PollInfo = Arrow_Flight_Protocol_PollInfo
  public typealias PutResult = Arrow_Flight_Protocol_PutResult
  public typealias RenewFlightEndpointRequest = Arrow_Flight_Protocol_RenewFlightEndpointRequest
  public typealias Result = Arrow_Flight_Protocol_Result
  public typealias SchemaResult = Arrow_Flight_Protocol_SchemaResult
  public typealias SessionOptionValue = Arrow_Flight_Protocol_SessionOptionValue
  public typealias SetSessionOptionsRequest = Arrow_Flight_Protocol_SetSessionOptionsRequest
  public typealias SetSessionOptionsResult = Arrow_Flight_Protocol_SetSessionOptionsResult
  public typealias Ticket = Arrow_Flight_Protocol_Ticket

  /// Paths of the service's methods, as in the `:path` header.
  public enum Method {
    public static let service = "arrow.flight.protocol.FlightService"
    public static let handshake = "/arrow.flight.protocol.FlightService/Handshake"
    public static let listFlights = "/arrow.flight.protocol.FlightService/ListFlights"
    public static let getFlightInfo = "/arrow.flight.protocol.FlightService/GetFlightInfo"
    public static let pollFlightInfo = "/arrow.flight.protocol.FlightService/PollFlightInfo"
    public static let getSchema = "/arrow.flight.protocol.FlightService/GetSchema"
    public static let doGet = "/arrow.flight.protocol.FlightService/DoGet"
    public static let doPut = "/arrow.flight.protocol.FlightService/DoPut"
    public static let doExchange = "/arrow.flight.protocol.FlightService/DoExchange"
    public static let doAction = "/arrow.flight.protocol.FlightService/DoAction"
    public static let listActions = "/arrow.flight.protocol.FlightService/ListActions"
  }

  /// Action types whose bodies are plain messages. Those of Flight SQL are packed: `FlightSQL`.
  public enum ActionName {
    public static let cancelFlightInfo = "CancelFlightInfo"
    public static let renewFlightEndpoint = "RenewFlightEndpoint"
    public static let setSessionOptions = "SetSessionOptions"
    public static let getSessionOptions = "GetSessionOptions"
    public static let closeSession = "CloseSession"
  }
}

extension Flight.FlightDescriptor {
  /// A descriptor that holds a packed command.
  public init(command: some FlightSQLMessage) throws(ProtocolError) {
    self.init()
    type = .cmd
    cmd = try command.packed()
  }

  /// A descriptor that names a data set.
  public init(path: [String]) {
    self.init()
    type = .path
    self.path = path
  }
}

extension Flight.SessionOptionValue {
  /// A value of each kind. `nil` unsets the option.
  public init(_ value: OneOf_OptionValue?) {
    self.init()
    optionValue = value
  }

  public init(_ values: [String]) {
    self.init()
    stringListValue.values = values
  }
}
