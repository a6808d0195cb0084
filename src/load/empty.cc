namespace coldload {}  // replaced as the folder fills
