"""What must hold for every resource, as rules: each takes a world and gives its complaints, so an empty list is a pass.

`test_template_rules.py` applies them to what is written and to broken copies of it, one or more per rule.
"""

import json
from collections.abc import Callable, Iterator
from typing import Any

from tests.infra.template_world import Json, World

Rule = Callable[[World], list[str]]

MOST_RESOURCES = 450  # CloudFormation's own limit is 500 per template
GATEWAY_SECONDS = 29  # API Gateway waits no longer
TTL_TABLES = {"Data/Locks", "Data/Orders", "Data/Payments", "Data/Notifications", "Data/Operations", "Data/Webhooks"}
TRIES = {"Messaging/PaymentsQueue": 12, "Messaging/NotificationsQueue": 12, "Messaging/ReconcileQueue": 8}
"""Of queues whose messages get more than five."""
PROBLEM = "application/problem+json"
REFUSALS = {"DEFAULT_4XX", "DEFAULT_5XX", "MISSING_AUTHENTICATION_TOKEN", "THROTTLED"}
LOG_GROUPS = "arn:aws:logs:eu-west-1:123456789012:log-group:/aws/lambda/holdfast-"
MAIL_CONFIGURATION = "arn:aws:ses:eu-west-1:123456789012:configuration-set/holdfast"
# A telephone number is no resource: only so can a right be given to text numbers and not to topics.
NUMBERS = ({"sns:Publish"}, ["arn:aws:sns:*:*:*"])
# AWS has no narrower way to let API Gateway write logs; the role is the account's and carries no data right.
MANAGED_POLICIES = {"Security/ApiLogRole": ["arn:aws:iam::aws:policy/service-role/AmazonAPIGatewayPushToCloudWatchLogs"]}


# --- the whole


def it_stays_small(world: World) -> list[str]:
    return [f"{name} has {size} resources, more than {MOST_RESOURCES}" for name, size in world.sizes().items() if size > MOST_RESOURCES]


def references_run_one_way(world: World) -> list[str]:
    """data, messaging -> security -> root -> monitoring; children are plain CloudFormation and know nothing of each other."""
    order = ["Data", "Messaging", "Security", "Monitoring"]
    found = [f"{name} has a transform" for name, child in world.sources.children.items() if "Transform" in child]
    for name, resource in world.sources.root["Resources"].items():
        used = {child for child in order for attribute in _getatts(resource) if attribute.startswith(f"{child}.Outputs.")}
        later = order[order.index(name) :] if name in order else ["Monitoring"]
        found += [f"{name} refers to {child}" for child in used & set(later)]
    return found


# --- rights


def each_function_has_its_own_role(world: World) -> list[str]:
    roles = [function["Role"] for function in world.functions().values()]
    return [f"{role} is shared" for role in set(roles) if roles.count(role) > 1] + [
        f"{name} has a role that is not in security.yaml: {function['Role']}"
        for name, function in world.functions().items()
        if function["Role"] != f"Security/{name}Role.Arn"
    ]


def no_right_has_a_star(world: World) -> list[str]:
    found = []
    for role, statement in _statements(world):
        stars = [action for action in _list(statement["Action"]) if "*" in action or ":" not in action]
        stars += [resource for resource in _resources(statement) if "*" in resource and not _own_log_streams(resource)]
        if _is_for_numbers(statement):
            stars = []
        found += [f"{role} may {star}" for star in stars]
    for name, role in world.resources("AWS::IAM::Role").items():
        extra = [arn for arn in role.get("ManagedPolicyArns", []) if arn not in MANAGED_POLICIES.get(name, [])]
        found += [f"{name} carries {arn}" for arn in extra]
    return found


def logs_go_to_a_group_of_ones_own(world: World) -> list[str]:
    groups, found = world.resources("AWS::Logs::LogGroup"), []
    for name, function in world.functions().items():
        group = groups.get(function.get("LoggingConfig", {}).get("LogGroup", ""), {})
        expected = f"/aws/lambda/{function['FunctionName']}"
        if group.get("LogGroupName") != expected:
            found.append(f"{name} does not log to {expected}")
        writable = [resource for right in _rights(world, name, "logs:PutLogEvents") for resource in _list(right["Resource"])]
        if writable != [f"arn:aws:logs:eu-west-1:123456789012:log-group:{expected}:*"]:
            found.append(f"{name} may write logs to {writable}")
    return found


def logs_are_not_kept_for_ever(world: World) -> list[str]:
    return [name for name, group in world.resources("AWS::Logs::LogGroup").items() if not group.get("RetentionInDays")]


def rights_and_settings_agree(world: World) -> list[str]:
    """A function is told of exactly the tables, queues, bus and secrets that it may use."""
    found = []
    for name, function in world.functions().items():
        told = _told(function)
        may = _usable(world, name)
        found += [f"{name} is told of {thing} and may not use it" for thing in sorted(told - may)]
        found += [f"{name} may use {thing} and is not told of it" for thing in sorted(may - told)]
    return found


# --- roads that end when they fail


def streams_give_up_into_a_queue(world: World) -> list[str]:
    found = []
    for name, mapping in _mappings(world, "StreamArn"):
        function = mapping["FunctionName"].removeprefix("Root/")
        failures = mapping.get("DestinationConfig", {}).get("OnFailure", {}).get("Destination", "")
        if failures.removesuffix(".Arn") not in world.resources("AWS::SQS::Queue"):
            found.append(f"{name} has no failure queue")
        if failures not in _allowed(world, function, "sqs:SendMessage"):
            found.append(f"{function} may not send to {failures or 'a failure queue'}")
        if int(mapping.get("MaximumRecordAgeInSeconds", -1)) < 60:
            found.append(f"{name} tries a record for as long as the stream has it")
        if not mapping.get("BisectBatchOnFunctionError"):
            found.append(f"{name} does not part a batch to find the bad record")
        if mapping.get("StartingPosition") != "TRIM_HORIZON":
            found.append(f"{name} skips what is in the stream when it is made")
        if not mapping.get("FilterCriteria", {}).get("Filters"):
            found.append(f"{name} is called for every record")
    return found


def batches_fail_in_part(world: World) -> list[str]:
    mappings = world.resources("AWS::Lambda::EventSourceMapping")
    return [name for name, mapping in mappings.items() if mapping.get("FunctionResponseTypes") != ["ReportBatchItemFailures"]]


def work_queues_have_dead_letters(world: World) -> list[str]:
    queues, found = world.resources("AWS::SQS::Queue"), []
    for _, mapping in _mappings(world, "Queue.Arn"):
        name = mapping["EventSourceArn"].removesuffix(".Arn")
        redrive = queues[name].get("RedrivePolicy", {})
        dead = queues.get(str(redrive.get("deadLetterTargetArn", "")).removesuffix(".Arn"))
        if dead is None or redrive.get("maxReceiveCount") != TRIES.get(name, 5):
            found.append(f"{name} has no dead letters after {TRIES.get(name, 5)} tries")
        elif dead["MessageRetentionPeriod"] <= queues[name]["MessageRetentionPeriod"]:
            found.append(f"the dead letters of {name} are gone before anybody looks")
    return found


def a_message_is_not_handed_out_twice_while_it_is_worked_on(world: World) -> list[str]:
    """Lambda asks for six times the function's time-out."""
    queues, found = world.resources("AWS::SQS::Queue"), []
    for name, mapping in _mappings(world, "Queue.Arn"):
        timeout = world.functions()[mapping["FunctionName"].removeprefix("Root/")]["Timeout"]
        visibility = queues[mapping["EventSourceArn"].removesuffix(".Arn")].get("VisibilityTimeout", 30)
        if visibility < 6 * timeout:
            found.append(f"{name}: {visibility} s visible again, function {timeout} s")
    return found


def rules_give_up_into_a_queue(world: World) -> list[str]:
    """Each target has a dead-letter queue that this very rule may write to, and an end to its tries."""
    found = []
    for name, rule in world.resources("AWS::Events::Rule").items():
        arn = f"arn:aws:events:eu-west-1:123456789012:rule/{rule['Name']}" if "Name" in rule else f"{name}.Arn"
        for target in rule["Targets"]:
            dead = target.get("DeadLetterConfig", {}).get("Arn", "no queue")
            if arn not in _senders(world, dead):
                found.append(f"{name} may not put dead letters into {dead}")
            if "MaximumRetryAttempts" not in target.get("RetryPolicy", {}):
                found.append(f"{name} has no retry policy")
            if "Queue.Arn" in target["Arn"] and arn not in _senders(world, target["Arn"]):
                found.append(f"{name} may not send to {target['Arn']}")
    return found


def scheduled_runs_that_fail_are_kept(world: World) -> list[str]:
    """A rule calls a function asynchronously: its dead letters do not see a run that failed."""
    found = []
    kept = {config["FunctionName"]: config for config in world.resources("AWS::Lambda::EventInvokeConfig").values()}
    for rule in world.resources("AWS::Events::Rule").values():
        for target in rule["Targets"]:
            if not target["Arn"].startswith("Root/"):
                continue
            function = target["Arn"].removesuffix(".Arn")
            failures = kept.get(function, {}).get("DestinationConfig", {}).get("OnFailure", {}).get("Destination", "")
            if not failures or failures not in _allowed(world, function.removeprefix("Root/"), "sqs:SendMessage"):
                found.append(f"a failed run of {function} is lost")
    return found


# --- data at rest


def tables_can_be_recovered(world: World) -> list[str]:
    protected = world.root.parameters["DeletionProtection"]
    found = []
    for name, table in world.resources("AWS::DynamoDB::Table").items():
        written = world.sources.children["Data"]["Resources"][name.removeprefix("Data/")]
        if not table.get("PointInTimeRecoverySpecification", {}).get("PointInTimeRecoveryEnabled"):
            found.append(f"{name} has no point-in-time recovery")
        if table.get("DeletionProtectionEnabled") != protected:
            found.append(f"{name} is not protected by the parameter")
        if (written.get("DeletionPolicy"), written.get("UpdateReplacePolicy")) != ("RetainExceptOnCreate", "Retain"):
            found.append(f"{name} goes with the stack")
    return found


def everything_at_rest_is_encrypted(world: World) -> list[str]:
    tables = world.resources("AWS::DynamoDB::Table").items()
    queues = world.resources("AWS::SQS::Queue").items()
    return [name for name, table in tables if not table.get("SSESpecification", {}).get("SSEEnabled")] + [
        name for name, queue in queues if not queue.get("SqsManagedSseEnabled")
    ]


def tables_have_the_common_shape(world: World) -> list[str]:
    """pk and sk, paid by use, and `ttl` where something expires."""
    found = []
    for name, table in world.resources("AWS::DynamoDB::Table").items():
        if [key["AttributeName"] for key in table["KeySchema"]] != ["pk", "sk"] or table["BillingMode"] != "PAY_PER_REQUEST":
            found.append(f"{name} is shaped otherwise")
        ttl = table.get("TimeToLiveSpecification")
        if ttl != ({"AttributeName": "ttl", "Enabled": True} if name in TTL_TABLES else None):
            found.append(f"{name} expires by {ttl}")
    return found


# --- functions and the API


def functions_are_built_alike(world: World) -> list[str]:
    found = []
    for name, function in world.functions().items():
        layers = [layer.removeprefix("Root/")[:-10] for layer in function.get("Layers", [])]  # SAM puts ten digits of a hash behind
        if layers != ["Dependencies", "Holdfast"]:
            found.append(f"{name} has the layers {layers}")
        if (function["Runtime"], function["Architectures"]) != (world.root.parameters["Runtime"], [world.root.parameters["Architecture"]]):
            found.append(f"{name} does not run on what the parameters say")
        if function["Environment"]["Variables"].get("POWERTOOLS_SERVICE_NAME") != snake(name):
            found.append(f"{name} logs under another name")
        if function["Handler"] != ("app.app" if _routed(world, name) else "app.handler"):
            found.append(f"{name} has the handler {function['Handler']}")
    return found


def answers_come_before_the_gateway_gives_up(world: World) -> list[str]:
    timeouts = {name: function["Timeout"] for name, function in world.functions().items() if _routed(world, name)}
    return [f"{name} may take {seconds} s" for name, seconds in timeouts.items() if seconds >= GATEWAY_SECONDS]


def every_path_answers_every_method(world: World) -> list[str]:
    """`any` beside the methods named, at the same function: it answers 405 with Allow."""
    found = []
    for path, methods in _paths(world).items():
        functions = {_integration(method) for method in methods.values()}
        if "x-amazon-apigateway-any-method" not in methods:
            found.append(f"{path} has no any")
        if len(functions) != 1:
            found.append(f"{path} is shared by {sorted(functions)}")
    return found


def the_gateway_refuses_like_we_do(world: World) -> list[str]:
    responses = gateway_responses(world)
    found = [f"{kind} is left to API Gateway" for kind in sorted(REFUSALS - set(responses))]
    for kind, response in responses.items():
        body = json.loads(response["responseTemplates"]["application/json"])
        if response["responseParameters"].get("gatewayresponse.header.Content-Type") != f"'{PROBLEM}'":
            found.append(f"{kind} is not {PROBLEM}")
        if str(body.get("status")) != str(response["statusCode"]) or not {"type", "title", "detail", "code", "request_id"} <= set(body):
            found.append(f"{kind} is not a problem of ours: {body}")
    return found


def the_api_is_throttled_and_logged(world: World) -> list[str]:
    found = []
    for name, stage in world.resources("AWS::ApiGateway::Stage").items():
        limits = stage.get("MethodSettings", [{}])[0]
        if not (limits.get("ThrottlingRateLimit") and limits.get("ThrottlingBurstLimit")):
            found.append(f"{name} has no throttle")
        log = stage.get("AccessLogSetting", {})
        if log.get("DestinationArn", "").removesuffix(".Arn") not in world.resources("AWS::Logs::LogGroup"):
            found.append(f"{name} has no access log")
        if {"$context.path", "$context.requestId", "$context.status"} - set(json.loads(log.get("Format", "{}")).values()):
            found.append(f"{name} logs too little")
    return found


# --- alarms


def each_failure_rings(world: World) -> list[str]:
    watched = {
        (alarm["MetricName"], dimension["Value"])
        for alarm in world.resources("AWS::CloudWatch::Alarm").values()
        for dimension in alarm.get("Dimensions", [])
    }
    wanted = {("Errors", f"Root/{name}") for name in world.functions()}
    wanted |= {("IteratorAge", mapping["FunctionName"]) for _, mapping in _mappings(world, "StreamArn")}
    work = {mapping["EventSourceArn"].removesuffix(".Arn") for _, mapping in _mappings(world, "Queue.Arn")}
    wanted |= {("ApproximateAgeOfOldestMessage", f"{name}.QueueName") for name in work}
    wanted |= {("ApproximateNumberOfMessagesVisible", f"{name}.QueueName") for name in set(world.resources("AWS::SQS::Queue")) - work}
    return [f"{metric} of {of} has no alarm" for metric, of in sorted(wanted - watched)]


def alarms_tell_somebody(world: World) -> list[str]:
    alarms = world.resources("AWS::CloudWatch::Alarm").items()
    return [name for name, alarm in alarms if alarm.get("AlarmActions") != ["Monitoring/AlarmTopic"]] + [
        f"{name} does not say what it means" for name, alarm in alarms if not alarm.get("AlarmDescription")
    ]


# --- play money


def play_money_exists_only_where_allowed(world: World) -> list[str]:
    allowed = world.root.parameters["SandboxEnabled"] == "true"
    signs = {
        "its function": "PaymentsSandbox" in world.functions(),
        "its secret": "Security/SandboxSecret" in world.resources("AWS::SecretsManager::Secret"),
        "its routes": any(path.startswith("/sandbox/") for path in _paths(world)),
    }
    return [f"{sign} {'is missing' if allowed else 'exists'}" for sign, there in signs.items() if there != allowed]


RULES: list[Rule] = [
    it_stays_small,
    references_run_one_way,
    each_function_has_its_own_role,
    no_right_has_a_star,
    logs_go_to_a_group_of_ones_own,
    logs_are_not_kept_for_ever,
    rights_and_settings_agree,
    streams_give_up_into_a_queue,
    batches_fail_in_part,
    work_queues_have_dead_letters,
    a_message_is_not_handed_out_twice_while_it_is_worked_on,
    rules_give_up_into_a_queue,
    scheduled_runs_that_fail_are_kept,
    tables_can_be_recovered,
    everything_at_rest_is_encrypted,
    tables_have_the_common_shape,
    functions_are_built_alike,
    answers_come_before_the_gateway_gives_up,
    every_path_answers_every_method,
    the_gateway_refuses_like_we_do,
    the_api_is_throttled_and_logged,
    each_failure_rings,
    alarms_tell_somebody,
    play_money_exists_only_where_allowed,
]


# --- how to read a world


def routes(world: World) -> dict[tuple[str, str], str]:
    """(method, path) -> function; without the `any` of each path."""
    return {
        (method.upper(), path): _integration(operation)
        for path, methods in _paths(world).items()
        for method, operation in methods.items()
        if not method.startswith("x-amazon")
    }


def gateway_responses(world: World) -> Json:
    responses: Json = _api(world)["x-amazon-apigateway-gateway-responses"]
    return responses


def _paths(world: World) -> dict[str, Json]:
    paths: dict[str, Json] = _api(world)["paths"]
    return paths


def _api(world: World) -> Json:
    body: Json = world.resources("AWS::ApiGateway::RestApi")["Root/Api"]["Body"]
    return body


def _integration(operation: Json) -> str:
    """`…/functions/Root/StorefrontHttp.Arn/invocations` -> StorefrontHttp."""
    uri: str = operation["x-amazon-apigateway-integration"]["uri"]
    return uri.split("/functions/Root/")[1].removesuffix(".Arn/invocations")


def _routed(world: World, function: str) -> bool:
    return any(_integration(operation) == function for methods in _paths(world).values() for operation in methods.values())


def _mappings(world: World, source: str) -> Iterator[tuple[str, Json]]:
    for name, mapping in world.resources("AWS::Lambda::EventSourceMapping").items():
        if mapping["EventSourceArn"].endswith(source):
            yield name, mapping


def _statements(world: World) -> Iterator[tuple[str, Json]]:
    for name, role in world.resources("AWS::IAM::Role").items():
        for policy in role.get("Policies", []):
            for statement in policy["PolicyDocument"]["Statement"]:
                yield name, statement
    for name, policy in world.resources("AWS::SQS::QueuePolicy").items():
        for statement in policy["PolicyDocument"]["Statement"]:
            yield name, statement


def _rights(world: World, function: str, action: str) -> list[Json]:
    role = f"Security/{function}Role"
    return [statement for name, statement in _statements(world) if name == role and action in _list(statement["Action"])]


def allowed_to(world: World, function: str) -> set[tuple[str, str]]:
    """Action and resource of everything in a function's role."""
    return {
        (action, resource)
        for name, statement in _statements(world)
        if name == f"Security/{function}Role"
        for action in _list(statement["Action"])
        for resource in _resources(statement)
    }


def _allowed(world: World, function: str, action: str) -> set[str]:
    return {resource for right in _rights(world, function, action) for resource in _resources(right)}


def _senders(world: World, queue: str) -> set[str]:
    """Who may put something into a queue by the queue's own policy."""
    return {
        sender
        for policy in world.resources("AWS::SQS::QueuePolicy").values()
        for statement in policy["PolicyDocument"]["Statement"]
        if statement["Resource"] == queue and policy["Queues"] == [queue.removesuffix(".Arn")]
        for sender in _list(statement["Condition"]["ArnEquals"]["aws:SourceArn"])
    }


def _told(function: Json) -> set[str]:
    """`Data/Stock`, `Messaging/StockQueue`, `Security/TokenSecret`, as found in the environment variables."""
    values = [value for value in function["Environment"]["Variables"].values() if isinstance(value, str)]
    return {value.split(".")[0] for value in values if value.startswith(("Data/", "Messaging/", "Security/"))}


def _usable(world: World, function: str) -> set[str]:
    """What its role opens for its own code; not what Lambda itself needs to bring events and to take failures away."""
    mine = [statement for name, statement in _statements(world) if name == f"Security/{function}Role"]
    found: set[str] = set()
    for statement in mine:
        actions = set(_list(statement["Action"]))
        if actions & {"logs:PutLogEvents", "sqs:ReceiveMessage", "dynamodb:GetRecords"}:
            continue
        found |= {_thing(resource) for resource in _resources(statement)}
    return {thing for thing in found if not thing.startswith(("arn:aws:ses:", "all but ")) and not thing.endswith("Failures")}


def _resources(statement: Json) -> list[str]:
    """What a statement is about. `NotResource` opens everything else, and is told as what it is."""
    return _list(statement.get("Resource", [])) + [f"all but {resource}" for resource in _list(statement.get("NotResource", []))]


def _is_for_numbers(statement: Json) -> bool:
    """Text messages: one single action, on everything but the topics of any region and account."""
    return "Resource" not in statement and (set(_list(statement["Action"])), _list(statement.get("NotResource", []))) == NUMBERS


def _thing(resource: str) -> str:
    """As the environment variables name it."""
    return (
        "Messaging/MailConfiguration"
        if resource == MAIL_CONFIGURATION
        else resource.split(".Arn", maxsplit=1)[0].split(".Id", maxsplit=1)[0]
    )


def _own_log_streams(resource: str) -> bool:
    """The streams in one's own log group have names that Lambda makes up."""
    return resource.startswith(LOG_GROUPS) and resource.endswith(":*") and resource.count("*") == 1


def _getatts(value: Any) -> list[str]:
    """Every `Data.Outputs.StockTable` in a piece of template."""
    if isinstance(value, dict) and "Fn::GetAtt" in value:
        return [".".join(_list(value["Fn::GetAtt"]))]
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [found for item in inner for found in _getatts(item)]


def snake(name: str) -> str:
    """StockSweep -> stock_sweep, its folder."""
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name).lstrip("_")


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
