"""Every rule holds for what is written, and every rule can fail: beside it stands at least one template that breaks it."""

from collections.abc import Callable

import pytest

from tests.infra import template_rules as rules
from tests.infra.template_world import LOCAL, NO_VALUE, PROD, Sources, World, sources, world

Break = Callable[[Sources], None]


@pytest.fixture(scope="module", params=[PROD, LOCAL], ids=["prod", "local"])
def deployed(request: pytest.FixtureRequest) -> World:
    return world(request.param)


@pytest.mark.parametrize("rule", rules.RULES, ids=lambda rule: rule.__name__)
def test_holds(rule: rules.Rule, deployed: World) -> None:
    assert rule(deployed) == []


def put(path: str, value: object) -> Break:
    """`Data/Stock/SSESpecification`: stack, resource, then the way through its properties."""

    def change(given: Sources) -> None:
        stack, resource, *way, last = path.split("/")
        place = given.every[stack]["Resources"][resource]["Properties"]
        for name in way:
            place = place[int(name) if isinstance(place, list) else name]
        key = int(last) if isinstance(place, list) else last
        if value is NO_VALUE:
            del place[key]
        else:
            place[key] = value

    return change


def drop(path: str) -> Break:
    return put(path, NO_VALUE)


def many_log_groups(given: Sources) -> None:
    for number in range(rules.MOST_RESOURCES):
        given.root["Resources"][f"Extra{number}"] = {"Type": "AWS::Logs::LogGroup", "Properties": {"RetentionInDays": 1}}


def cut(stack: str, resource: str, attribute: str) -> Break:
    """Take an attribute of the resource itself away, such as its condition."""

    def change(given: Sources) -> None:
        del given.every[stack]["Resources"][resource][attribute]

    return change


def all_but(action: str, resource: str) -> dict[str, str]:
    return {"Effect": "Allow", "Action": action, "NotResource": resource}


STATEMENT = "Policies/0/PolicyDocument/Statement"
FULFILMENT_FAILURES = "Messaging/FulfilmentQueue/RedrivePolicy"
STOREFRONT = "Root/StorefrontHttp"

BROKEN: list[tuple[rules.Rule, Break]] = [
    (rules.it_stays_small, many_log_groups),
    (rules.references_run_one_way, put("Root/Data/Parameters/Topic", {"Fn::GetAtt": ["Monitoring", "Outputs.AlarmTopicArn"]})),
    (rules.references_run_one_way, put("Root/Messaging/Parameters/Token", {"Fn::GetAtt": "Security.Outputs.TokenSecretArn"})),
    (rules.each_function_has_its_own_role, put("Root/AdminHttp/Role", {"Fn::GetAtt": ["Security", "Outputs.StorefrontHttpRoleArn"]})),
    (rules.no_right_has_a_star, put(f"Security/HealthHttpRole/{STATEMENT}/1/Action", "dynamodb:*")),
    (rules.no_right_has_a_star, put(f"Security/HealthHttpRole/{STATEMENT}/1/Action", "*")),
    (rules.no_right_has_a_star, put(f"Security/HealthHttpRole/{STATEMENT}/1/Resource", "*")),
    (rules.no_right_has_a_star, put(f"Security/HealthHttpRole/{STATEMENT}/1/Resource", {"Fn::Sub": "${StockTableArn}/index/*"})),
    (rules.no_right_has_a_star, put(f"Security/HealthHttpRole/{STATEMENT}/1", all_but("sns:Publish", "arn:aws:sns:eu-west-1:*:*"))),
    (rules.no_right_has_a_star, put(f"Security/HealthHttpRole/{STATEMENT}/1", all_but("dynamodb:GetItem", "arn:aws:sns:*:*:*"))),
    (rules.no_right_has_a_star, put(f"Security/HealthHttpRole/{STATEMENT}/1", all_but("sns:*", "arn:aws:sns:*:*:*"))),
    (rules.no_right_has_a_star, put("Security/HealthHttpRole/ManagedPolicyArns", ["arn:aws:iam::aws:policy/AdministratorAccess"])),
    (rules.no_right_has_a_star, drop("Root/HealthHttp/Role")),  # SAM's own role carries AWS's policy for logs of everything
    (rules.logs_go_to_a_group_of_ones_own, drop("Root/HealthHttp/LoggingConfig")),
    (rules.logs_go_to_a_group_of_ones_own, put("Root/HealthHttp/LoggingConfig/LogGroup", {"Ref": "AdminHttpLogs"})),
    (rules.logs_go_to_a_group_of_ones_own, put("Root/HealthHttp/FunctionName", "holdfast-other")),
    (rules.logs_are_not_kept_for_ever, drop("Root/HealthHttpLogs/RetentionInDays")),
    (rules.rights_and_settings_agree, drop("Root/HealthHttp/Environment/Variables/STOCK_TABLE")),
    (rules.rights_and_settings_agree, drop(f"Security/HealthHttpRole/{STATEMENT}/1")),
    (rules.rights_and_settings_agree, drop("Root/NotificationsInbox/Environment/Variables/MAIL_CONFIGURATION_SET")),
    (rules.rights_and_settings_agree, put("Root/OrdersStream/Environment/Variables/EVENT_BUS_NAME", "default")),
    (rules.streams_give_up_into_a_queue, drop("Root/StockStream/Events/Locks/Properties/DestinationConfig")),
    (rules.streams_give_up_into_a_queue, drop("Root/StockStream/Events/Stock/Properties/BisectBatchOnFunctionError")),
    (rules.streams_give_up_into_a_queue, drop("Root/OrdersStream/Events/Orders/Properties/MaximumRecordAgeInSeconds")),
    (rules.streams_give_up_into_a_queue, put("Root/OrdersStream/Events/Orders/Properties/StartingPosition", "LATEST")),
    (rules.streams_give_up_into_a_queue, drop("Root/OrdersStream/Events/Orders/Properties/FilterCriteria")),
    (rules.streams_give_up_into_a_queue, put(f"Security/OrdersStreamRole/{STATEMENT}/2/Action", "sqs:ReceiveMessage")),
    (rules.batches_fail_in_part, drop("Root/PaymentsInbox/Events/Queue/Properties/FunctionResponseTypes")),
    (rules.batches_fail_in_part, drop("Root/OrdersStream/Events/Orders/Properties/FunctionResponseTypes")),
    (rules.work_queues_have_dead_letters, drop(FULFILMENT_FAILURES)),
    (rules.work_queues_have_dead_letters, put(f"{FULFILMENT_FAILURES}/maxReceiveCount", 1000)),
    (rules.work_queues_have_dead_letters, put("Messaging/FulfilmentDeadLetters/MessageRetentionPeriod", 345600)),
    (rules.a_message_is_not_handed_out_twice_while_it_is_worked_on, put("Root/PaymentsInbox/Timeout", 61)),
    (rules.a_message_is_not_handed_out_twice_while_it_is_worked_on, drop("Messaging/StockQueue/VisibilityTimeout")),
    (rules.rules_give_up_into_a_queue, drop("Messaging/PaidOrders/Targets/0/DeadLetterConfig")),
    (rules.rules_give_up_into_a_queue, drop("Messaging/PaidOrders/Targets/0/RetryPolicy")),
    (rules.rules_give_up_into_a_queue, drop("Root/StockSweep/Events/EveryFiveMinutes/Properties/DeadLetterConfig")),
    (rules.rules_give_up_into_a_queue, put("Root/StockSweep/Events/EveryFiveMinutes/Properties/Name", "renamed")),
    (rules.rules_give_up_into_a_queue, put("Messaging/FulfilmentQueuePolicy/Queues", [])),
    (rules.scheduled_runs_that_fail_are_kept, drop("Root/StockSweep/EventInvokeConfig")),
    (rules.tables_can_be_recovered, drop("Data/Stock/PointInTimeRecoverySpecification")),
    (rules.tables_can_be_recovered, put("Data/Stock/DeletionProtectionEnabled", False)),
    (rules.tables_can_be_recovered, cut("Data", "Stock", "DeletionPolicy")),
    (rules.everything_at_rest_is_encrypted, drop("Data/Stock/SSESpecification")),
    (rules.everything_at_rest_is_encrypted, put("Messaging/StockQueue/SqsManagedSseEnabled", False)),
    (rules.tables_have_the_common_shape, drop("Data/Locks/TimeToLiveSpecification")),
    (rules.tables_have_the_common_shape, put("Data/Stock/TimeToLiveSpecification", {"AttributeName": "ttl", "Enabled": True})),
    (rules.tables_have_the_common_shape, put("Data/Stock/BillingMode", "PROVISIONED")),
    (rules.functions_are_built_alike, put("Root/HealthHttp/Layers", [{"Ref": "Dependencies"}])),
    (rules.functions_are_built_alike, put("Root/HealthHttp/Runtime", "python3.9")),
    (rules.functions_are_built_alike, put("Root/HealthHttp/Handler", "app.handler")),
    (rules.functions_are_built_alike, put("Root/HealthHttp/Environment/Variables/POWERTOOLS_SERVICE_NAME", "health")),
    (rules.answers_come_before_the_gateway_gives_up, put(f"{STOREFRONT}/Timeout", 29)),
    (rules.every_path_answers_every_method, drop(f"{STOREFRONT}/Events/AnyProduct")),
    (rules.every_path_answers_every_method, put("Root/InventoryHttp/Events/PostRestock/Properties/Path", "/shops/{shop}/orders/{order}")),
    (rules.the_gateway_refuses_like_we_do, drop("Root/Api/GatewayResponses/DEFAULT_5XX")),
    (rules.the_gateway_refuses_like_we_do, put("Root/Api/GatewayResponses/DEFAULT_5XX/StatusCode", "500")),
    (rules.the_gateway_refuses_like_we_do, put("Root/Api/GatewayResponses/DEFAULT_5XX/ResponseParameters/Headers", {})),
    (rules.the_api_is_throttled_and_logged, drop("Root/Api/MethodSettings")),
    (rules.the_api_is_throttled_and_logged, drop("Root/Api/AccessLogSetting")),
    (rules.each_failure_rings, put("Monitoring/StockDeadLettersAlarm/MetricName", "NumberOfMessagesSent")),
    (rules.each_failure_rings, put("Monitoring/OrdersStreamAge/Dimensions", [])),
    (rules.each_failure_rings, put("Root/Monitoring/Parameters/HealthHttp", {"Ref": "AdminHttp"})),
    (rules.alarms_tell_somebody, drop("Monitoring/StockSweepSilent/AlarmActions")),
    (rules.play_money_exists_only_where_allowed, cut("Security", "SandboxSecret", "Condition")),
    (rules.play_money_exists_only_where_allowed, put("Root/HealthHttp/Events/GetHealth/Properties/Path", "/sandbox/payments/all")),
]


@pytest.mark.parametrize(("rule", "damage"), BROKEN, ids=[f"{number}-{rule.__name__}" for number, (rule, _) in enumerate(BROKEN)])
def test_can_fail(rule: rules.Rule, damage: Break) -> None:
    broken = sources()
    damage(broken)
    assert rule(world(PROD, broken)) != []


def test_no_rule_is_without_something_that_breaks_it() -> None:
    assert {rule for rule, _ in BROKEN} == set(rules.RULES)
