# Read by ctest: tests that assert on time run with nothing beside them.
foreach(kind ThatRefuses ThatAnswers503 ThatIsSlow ThatHoldsRequests)
  set_tests_properties("unit.process.ReadinessAccuracy.HoldsForAServer${kind}"
    PROPERTIES RUN_SERIAL TRUE)
endforeach()
