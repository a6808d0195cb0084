namespace coldload::gpu {}  // replaced as the folder fills
