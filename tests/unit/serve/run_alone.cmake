# Read by ctest: tests that assert on time run with nothing beside them.
foreach(kind refused status_503 slow hang)
  set_tests_properties("unit.serve.Readiness/ReadinessAccuracy.IsWithin10MsIn20Of20Trials/${kind}"
    PROPERTIES RUN_SERIAL TRUE)
endforeach()
