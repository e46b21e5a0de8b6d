# frozen_string_literal: true

# How a Ruby service asks and tells Accord: the token as metadata, a deadline, and anything but ALLOW is a no.

require 'grpc'
require 'grpc/google_rpc_status_utils'
require 'google/protobuf/well_known_types'
require 'google/rpc/error_details_pb'
%w[contact customer decision permission].each { |noun| require "accord/v1/#{noun}_service_services_pb" }

# A connection for one brand.
class AccordClient
  include Accord::V1

  QUESTION_SECONDS = 2 # a customer may be waiting, and a no costs little
  WRITE_SECONDS = 10 # what a customer said must not be lost
  Answer = Struct.new(:verdict, :reason, :not_before, :fields) do
    def allowed?
      verdict == 'ALLOW'
    end
  end

  def initialize(server, token, brand)
    @brand = brand
    @caller = { 'authorization' => "Bearer #{token}" }
    services = { contacts: ContactService, customers: CustomerService, decisions: DecisionService,
                 permissions: PermissionService }
    @stubs = services.transform_values { |each| each::Stub.new(server, :this_channel_is_insecure) }
  end

  # Tell Accord something. Raises GRPC::BadStatus; a request_id that is the same for every attempt makes a repeat harmless.
  def tell(service, method, request)
    call(service, method, request, WRITE_SECONDS)
  end

  # Ask, and never raise: Accord unreachable or slow, or a question it does not understand, is a no with a reason.
  def ask(service, method, request)
    decision = call(service, method, request, QUESTION_SECONDS).decision
    Answer.new(decision.verdict.to_s.delete_prefix('VERDICT_'), decision.reason.to_s.delete_prefix('DECISION_REASON_'),
               decision.not_before&.to_time, {})
  rescue GRPC::BadStatus => e
    Answer.new('UNDECIDED', AccordClient.reason_of(e), nil, AccordClient.fields_of(e))
  end

  # Return why a call failed: the reason of error_reason.proto, else the name of the gRPC status.
  def self.reason_of(error)
    info = detail_of(error, Google::Rpc::ErrorInfo)
    info ? info.reason : error.class.name.split('::').last.gsub(/(?<=[a-z])(?=[A-Z])/, '_').upcase
  end

  # Return what is wrong with each faulty field, and allowed there.
  def self.fields_of(error)
    bad = detail_of(error, Google::Rpc::BadRequest)
    bad ? bad.field_violations.to_h { |each| [each.field, each.description] } : {}
  end

  def self.detail_of(error, type)
    error.to_rpc_status&.details.to_a.map { |each| each.unpack(type) }.compact.first
  end
  private_class_method :detail_of

  private

  def call(service, method, request, seconds)
    request.brand = @brand
    @stubs.fetch(service).public_send(method, request, metadata: @caller, deadline: Time.now + seconds)
  end
end
