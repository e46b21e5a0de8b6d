# frozen_string_literal: true

# An advice desk in Ruby: writes once to a customer who asked for it, waits where it is told to, stops on a no.
#
#   gem install grpc grpc-tools googleapis-common-protos-types
#   grpc_tools_ruby_protoc -I ../../../protos --ruby_out=lib --grpc_out=lib ../../../protos/accord/v1/*.proto
#   ACCORD_TOKEN=… ruby -I lib advice_desk.rb CUSTOMER

require 'time'
require_relative 'accord'

# What the desk does for one customer.
class AdviceDesk
  include Accord::V1

  def initialize(accord, id)
    @accord = accord
    @id = id
    @customer = CustomerKey.new(customer_id: id)
  end

  def serve
    # Nothing is known of the customer, or of Accord: a no either way, and nobody is written to.
    return 1 if check('marketing.advice').verdict == 'UNDECIDED'

    # Contact me once.
    grant('web_advice_form')
    2.times { |number| send_message("#{@id}-advice-#{number + 1}", 'marketing.advice') }
    # A newsletter, and two weeks of silence.
    grant('preference_centre', purposes: ['marketing.newsletter'], channels: ['email'])
    check('marketing.newsletter')
    pause((Time.now.to_i / 86_400 + 14) * 86_400)
    check('marketing.newsletter')
    # A withdrawal counts from the next check on; it names what was authorised and may still be stopped.
    withdraw('marketing')
    check('marketing.newsletter')
    # A purpose that nobody catalogued is a mistake, and a no.
    check('marketing.advise')
    0
  end

  private

  def check(purpose)
    answer = @accord.ask(:decisions, :check, CheckRequest.new(question: about(purpose)))
    until_then = answer.not_before && "until #{answer.not_before.utc.iso8601(3)}"
    puts ['check', answer.verdict, answer.reason, until_then].compact.join(' ')
    answer.fields.each { |field, fault| puts "  #{field} #{fault}" }
    answer
  end

  def send_message(contact_id, purpose)
    answer = @accord.ask(:contacts, :authorize_contact,
                         AuthorizeContactRequest.new(contact_id: contact_id, question: about(purpose)))
    puts "authorize #{answer.verdict} #{answer.reason}"
    return unless answer.allowed?

    # Here the message leaves, with contact_id as idempotency key.
    report = ReportContactRequest.new(request_id: "#{contact_id}-sent", contact_id: contact_id,
                                      outcome: :CONTACT_OUTCOME_SENT)
    puts "report #{@accord.tell(:contacts, :report_contact, report).status.to_s.delete_prefix('CONTACT_STATUS_')}"
  end

  def grant(touchpoint, **choice)
    request = GrantRequest.new(request_id: "#{@id}-#{touchpoint}", customer: @customer, evidence: shown(touchpoint),
                               **choice)
    puts "grant #{@accord.tell(:permissions, :grant, request).status.to_s.delete_prefix('PERMISSION_STATUS_')}"
  end

  def pause(seconds)
    facts = CustomerFacts.new(paused_until: Google::Protobuf::Timestamp.new(seconds: seconds))
    @accord.tell(:customers, :record_facts,
                 RecordFactsRequest.new(request_id: "#{@id}-pause", customer: @customer, facts: facts))
  end

  def withdraw(purpose)
    request = WithdrawRequest.new(request_id: "#{@id}-no", customer: @customer, evidence: shown('preference_centre'),
                                  scope: RefusalScope.new(purpose: purpose))
    done = @accord.tell(:permissions, :withdraw, request)
    puts "withdraw #{done.receipts.size} entry, #{done.open_contacts.size} to stop"
  end

  def about(purpose)
    Question.new(customer: @customer, channel: 'email', purpose: purpose)
  end

  def shown(touchpoint)
    Evidence.new(touchpoint: touchpoint, language: 'en', method: :DECLARATION_METHOD_BUTTON,
                 declarant: :DECLARANT_CUSTOMER, recorder: :RECORDER_SYSTEM)
  end
end

begin
  server = ENV.fetch('ACCORD_SERVER', '127.0.0.1:50051')
  accord = AccordClient.new(server, ENV.fetch('ACCORD_TOKEN'), ENV.fetch('ACCORD_BRAND', 'maison-alba'))
  exit AdviceDesk.new(accord, ARGV.fetch(0)).serve
rescue GRPC::BadStatus => e
  abort "could not be recorded: #{AccordClient.reason_of(e)} #{AccordClient.fields_of(e)}"
end
