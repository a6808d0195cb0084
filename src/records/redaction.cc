#include "records/redaction.h"

#include <string>

namespace coldload::records {

namespace {

void redact(const text::Redactor& secrets, std::string* text) { *text = secrets.apply(*text); }

void redact(const text::Redactor& secrets, std::vector<std::string>* texts) {
  for (std::string& text : *texts) redact(secrets, &text);
}

void redact(const text::Redactor& secrets, text::json::value* value) {
  if (auto* string = value->if_string()) {
    *string = secrets.apply({string->data(), string->size()});
  } else if (auto* array = value->if_array()) {
    for (text::json::value& element : *array) redact(secrets, &element);
  } else if (auto* object = value->if_object()) {
    for (auto& member : *object) redact(secrets, &member.value());
  }
}

void redact(const text::Redactor& secrets, text::json::object* object) {
  for (auto& member : *object) redact(secrets, &member.value());
}

}  // namespace

void redact(const text::Redactor& secrets, ExperimentFacts* facts) {
  facts->command = secrets.redact_argv(facts->command);
  for (ArmFacts& arm : facts->arms) {
    redact(secrets, &arm.path);
    redact(secrets, &arm.missing);
    redact(secrets, &arm.storage);
    redact(secrets, &arm.no_floor_reason);
    if (!arm.start) continue;
    arm.start->command = secrets.redact_argv(arm.start->command);
    redact(secrets, &arm.start->server);
  }
  for (SameStorage& pair : facts->same_storage) redact(secrets, &pair.how);
  redact(secrets, &facts->baseline_file);
  redact(secrets, &facts->environment);
}

void redact(const text::Redactor& secrets, Record* record) {
  record->argv = secrets.redact_argv(record->argv);
  redact(secrets, &record->path);
  redact(secrets, &record->model);
  redact(secrets, &record->reason);
  redact(secrets, &record->remarks);
  redact(secrets, &record->note);
  redact(secrets, &record->reported);
}

}  // namespace coldload::records
